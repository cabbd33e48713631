import 'reflect-metadata';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { Public } from '@assay/security';
import { HTTP_SETTINGS, PROCESS_SETTINGS } from './common-settings.js';
import { defineSettings } from './read-settings.js';
import { runCommand, runService } from './run-service.js';
import { secretRef, text } from './settings.js';
import { Shutdown } from './shutdown.js';

const settings = defineSettings({
  ...HTTP_SETTINGS,
  mood: text({ env: 'ASSAY_MOOD', doc: 'How it does.', pattern: /^[a-z_]+$/ }),
  token: secretRef({ env: 'ASSAY_TOKEN', doc: 'A secret.', default: null }),
});

const say = (words: string): void => void process.stdout.write(`${words}\n`);

@Public()
@Controller('v1')
class Parts {
  constructor(@Inject(Shutdown) private readonly shutdown: Shutdown) {}

  @Get('wait')
  wait(): Promise<{ answered: string }> {
    say('waiting');
    return new Promise((resolve) =>
      this.shutdown.signal.addEventListener('abort', () => resolve({ answered: 'at shutdown' })),
    );
  }

  @Get('bug')
  bug(): { later: boolean } {
    setImmediate(() => {
      throw new TypeError('nobody caught password=tangerine');
    });
    return { later: true };
  }

  @Get('warn')
  warn(): { warned: boolean } {
    process.emitWarning('password=tangerine', 'SpecWarning');
    return { warned: true };
  }

  @Get('give-up')
  giveUp(): { asked: boolean } {
    setImmediate(() => this.shutdown.request('cannot go on'));
    return { asked: true };
  }
}

@Module({ controllers: [Parts] })
class FixtureModule {
  static mood = 'calm';

  onModuleDestroy(): void {
    say('work queue stopped');
  }

  beforeApplicationShutdown(): void {
    say('publisher closed');
  }

  onApplicationShutdown(): Promise<void> | void {
    if (FixtureModule.mood === 'stuck') return new Promise(() => undefined);
    say('pool closed');
  }
}

if (process.argv.includes('--command')) {
  await runCommand({
    name: 'spec tidy',
    settings: defineSettings(PROCESS_SETTINGS),
    also_known: [settings],
    run: ({ instance }) => {
      if (process.argv.includes('--fail')) throw new Error('could not tidy, password=tangerine');
      say(`tidied by ${instance}`);
      return Promise.resolve();
    },
  });
} else {
  await runService({
    name: 'spec',
    settings,
    module: ({ mood }) => {
      FixtureModule.mood = mood;
      return { module: FixtureModule };
    },
  });
}
