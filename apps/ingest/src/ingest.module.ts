import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { MessagingModule } from '@assay/messaging';
import { PostgresModule } from '@assay/postgres';
import type { Values } from '@assay/service';
import { WorkQueueModule } from '@assay/work-queue';
import { CancellingModule } from './cancelling/index.js';
import { DepotAllowListModule } from './depot-allow-list/index.js';
import { INGEST_CONFIG } from './ingest.config.js';
import type { INGEST_SETTINGS } from './ingest.config.js';
import { MIGRATIONS } from './migrations/index.js';
import { ProgressModule } from './progress/index.js';
import { ReplayModule } from './replay/index.js';
import { ReviewsModule } from './reviews/index.js';

export type IngestSettings = Values<(typeof INGEST_SETTINGS)['settings']>;

/** Gives every class of the service its settings. */
@Module({})
class ConfigModule {
  static register(settings: IngestSettings): DynamicModule {
    const config = { provide: INGEST_CONFIG, useValue: settings };
    return { module: ConfigModule, global: true, providers: [config], exports: [config] };
  }
}

/** The service that accepts submissions, and alone knows where a job stands. */
@Module({})
export class IngestModule {
  static register(settings: IngestSettings): DynamicModule {
    return {
      module: IngestModule,
      imports: [
        ConfigModule.register(settings),
        PostgresModule.register({ schema: 'ingest', settings, migrations: MIGRATIONS }),
        MessagingModule.register({ settings, service: 'ingest' }),
        WorkQueueModule.register({ settings }),
        ReviewsModule,
        ProgressModule,
        ReplayModule,
        CancellingModule,
        DepotAllowListModule,
      ],
    };
  }
}
