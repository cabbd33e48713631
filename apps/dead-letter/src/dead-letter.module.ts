import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { MessagingModule } from '@assay/messaging';
import { PostgresModule } from '@assay/postgres';
import { WorkQueueModule } from '@assay/work-queue';
import type { DeadLetterSettings } from './dead-letter.config.js';
import { ActionsModule } from './actions/index.js';
import { AUDIT_CONFIG, AuditModule } from './audit/index.js';
import { EvidenceModule } from './evidence/index.js';
import { IntakeModule } from './intake/index.js';
import { MIGRATIONS } from './migrations/index.js';
import { REPLAY_CONFIG, ReplayModule } from './replay/index.js';
import { TriageModule } from './triage/index.js';

/** Gives every class of the service its settings. */
@Module({})
class ConfigModule {
  static register(settings: DeadLetterSettings): DynamicModule {
    const provided = [REPLAY_CONFIG, AUDIT_CONFIG].map((provide) => ({ provide, useValue: settings }));
    return { module: ConfigModule, global: true, providers: provided, exports: provided };
  }
}

/** The service that keeps what failed until an operator has dealt with it. */
@Module({})
export class DeadLetterModule {
  static register(settings: DeadLetterSettings): DynamicModule {
    return {
      module: DeadLetterModule,
      imports: [
        ConfigModule.register(settings),
        PostgresModule.register({ schema: 'dead_letter', settings, migrations: MIGRATIONS }),
        MessagingModule.register({ settings, service: 'dead-letter' }),
        WorkQueueModule.register({ settings }),
        ActionsModule,
        AuditModule,
        EvidenceModule,
        IntakeModule,
        ReplayModule,
        TriageModule,
      ],
    };
  }
}
