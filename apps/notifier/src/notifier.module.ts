import { Inject, Module } from '@nestjs/common';
import type { BeforeApplicationShutdown, DynamicModule } from '@nestjs/common';
import { MessagingModule } from '@assay/messaging';
import { PostgresModule } from '@assay/postgres';
import { WorkQueueModule } from '@assay/work-queue';
import { ActionsModule } from './actions/index.js';
import { CancellingModule } from './cancelling/index.js';
import { CorrectionsModule } from './corrections/index.js';
import { DELIVERY_SETTINGS, DeliveryModule } from './delivery/index.js';
import { IntakeModule, LINKS } from './intake/index.js';
import { MIGRATIONS } from './migrations/index.js';
import type { NotifierSettings } from './notifier.config.js';
import { createProviders, PROVIDERS } from './providers/index.js';
import type { Providers } from './providers/index.js';
import { PROVIDERS_RELOAD, ProvidersReload } from './providers-reload/index.js';
import type { ProvidersReloadOptions } from './providers-reload/index.js';
import { ReadingModule } from './reading/index.js';
import { EvidenceChecks, RECONCILE_INTERVAL_MS, Reconciler } from './reconciliation/index.js';

function reloadOptions(settings: NotifierSettings): ProvidersReloadOptions {
  const { providers, providers_poll_ms: interval_ms, send_timeout_ms } = settings;
  const { path, digest } = providers;
  return { path, digest, interval_ms, send_timeout_ms };
}

/** Gives every class of the service its settings and the providers. */
@Module({})
class ConfigModule implements BeforeApplicationShutdown {
  constructor(@Inject(PROVIDERS) private readonly providers: Providers) {}

  static register(settings: NotifierSettings, providers: () => Providers | Promise<Providers>): DynamicModule {
    const provided = [
      { provide: DELIVERY_SETTINGS, useValue: settings },
      { provide: PROVIDERS, useFactory: providers },
      { provide: LINKS, useValue: settings },
      { provide: RECONCILE_INTERVAL_MS, useValue: settings.reconcile_interval_ms },
      { provide: PROVIDERS_RELOAD, useValue: reloadOptions(settings) },
    ];
    return { module: ConfigModule, global: true, providers: provided, exports: provided };
  }

  /** After the work queue has stopped: no send is under way any more. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.providers.close();
  }
}

/** The service that tells recipients, and alone knows what became of each delivery. */
@Module({})
export class NotifierModule {
  /** @param providers those of the configuration, unless others are to be tried */
  static register(
    settings: NotifierSettings,
    providers: () => Providers | Promise<Providers> = () =>
      createProviders(settings.providers, settings.send_timeout_ms),
  ): DynamicModule {
    return {
      module: NotifierModule,
      imports: [
        ConfigModule.register(settings, providers),
        PostgresModule.register({ schema: 'notifier', settings, migrations: MIGRATIONS }),
        MessagingModule.register({ settings, service: 'notifier' }),
        WorkQueueModule.register({ settings }),
        DeliveryModule,
        IntakeModule,
        CorrectionsModule,
        CancellingModule,
        ActionsModule,
        ReadingModule,
      ],
      providers: [Reconciler, EvidenceChecks, ProvidersReload],
    };
  }
}
