import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { MessagingModule } from '@assay/messaging';
import { PostgresModule } from '@assay/postgres';
import type { Values } from '@assay/service';
import { WorkQueueModule } from '@assay/work-queue';
import { CompatibilityModule } from './compatibility/index.js';
import { DryRunModule } from './dry-run/index.js';
import { FindingsModule } from './findings/index.js';
import { IntakeModule } from './intake/index.js';
import { MIGRATIONS } from './migrations/index.js';
import { POLICY, policyOf, VALIDATOR_CONFIG } from './validator.config.js';
import type { VALIDATOR_SETTINGS } from './validator.config.js';

export type ValidatorSettings = Values<(typeof VALIDATOR_SETTINGS)['settings']>;

/** Gives every class of the service its settings and the policy made of them. */
@Module({})
class ConfigModule {
  static register(settings: ValidatorSettings): DynamicModule {
    const providers = [
      { provide: VALIDATOR_CONFIG, useValue: settings },
      { provide: POLICY, useFactory: () => policyOf(settings) },
    ];
    return { module: ConfigModule, global: true, providers, exports: providers };
  }
}

/** The service that judges review results and owns what was found. */
@Module({})
export class ValidatorModule {
  static register(settings: ValidatorSettings): DynamicModule {
    return {
      module: ValidatorModule,
      imports: [
        ConfigModule.register(settings),
        PostgresModule.register({ schema: 'validator', settings, migrations: MIGRATIONS }),
        MessagingModule.register({ settings, service: 'validator' }),
        WorkQueueModule.register({ settings }),
        IntakeModule,
        FindingsModule,
        CompatibilityModule,
        DryRunModule,
      ],
    };
  }
}
