import type { Stage } from '@assay/contracts';
import { Database } from '@assay/postgres';
import { ArtefactCipher } from '@assay/security';
import type { SecretSource } from '@assay/security';
import { Liveness, Readiness, Shutdown } from '@assay/service';
import { EVENT_PUBLISHER, WorkQueue } from '@assay/work-queue';
import { Inject, Module } from '@nestjs/common';
import type { BeforeApplicationShutdown, DynamicModule, OnApplicationBootstrap, Provider } from '@nestjs/common';
import { KafkaBatchServer } from './kafka-batch-server.js';
import type { ConsumerConfig } from './kafka-batch-server.js';
import { KafkaPublisher } from './kafka-publisher.js';
import type { PublisherConfig } from './kafka-publisher.js';
import { RecordParking } from './record-parking.js';
import { TopicCheck } from './topic-check.js';

export interface MessagingModuleOptions {
  settings: ConsumerConfig & PublisherConfig & { artefact_keys: SecretSource };
  /** `ingest`, `validator`, …: the consumer group, and the events' `ce_source`. */
  service: string;
}

/** Stage under which a service announces what it parks. Dead-letter, which keeps the announcements, makes none (DLQ-4). */
const STAGE_OF_SERVICE: Readonly<Record<string, Stage>> = {
  ingest: 'ingest',
  validator: 'validate',
  notifier: 'notify',
};

/**
 * Provides the service's {@link KafkaPublisher} (also as the work queue's port) and its {@link KafkaBatchServer}, which
 * `main.ts` hands to `runService` as the transport.
 */
@Module({})
export class MessagingModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(KafkaPublisher) private readonly publisher: KafkaPublisher,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(TopicCheck) private readonly topics: TopicCheck,
  ) {}

  static register(options: MessagingModuleOptions): DynamicModule {
    const providers = [
      { provide: KafkaPublisher, useFactory: () => new KafkaPublisher(options.settings, options.service) },
      { provide: EVENT_PUBLISHER, useExisting: KafkaPublisher },
      { provide: ArtefactCipher, useFactory: () => new ArtefactCipher(options.settings.artefact_keys) },
      parkingProvider(options),
      serverProvider(options),
      topicsProvider(options),
    ];
    return {
      module: MessagingModule,
      global: true,
      providers,
      exports: [KafkaPublisher, EVENT_PUBLISHER, ArtefactCipher, RecordParking, KafkaBatchServer, TopicCheck],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    this.readiness.register('kafka_publishing', () => this.publisher.refusals.assertNone(), { told_only: true });
    void this.publisher.connect();
    await this.topics.start();
  }

  /** After the work queue has stopped, which publishes to the end (OPS-1). */
  async beforeApplicationShutdown(): Promise<void> {
    await this.topics.stop();
    await this.publisher.close();
  }
}

function parkingProvider({ service }: MessagingModuleOptions): Provider {
  return {
    provide: RecordParking,
    inject: [Database, WorkQueue, ArtefactCipher],
    useFactory: (database: Database, queue: WorkQueue, cipher: ArtefactCipher) =>
      new RecordParking(database, queue, cipher, STAGE_OF_SERVICE[service] ?? null),
  };
}

function topicsProvider({ settings: config, service }: MessagingModuleOptions): Provider {
  return {
    provide: TopicCheck,
    inject: [Readiness, Liveness],
    useFactory: (readiness: Readiness, liveness: Liveness) => new TopicCheck({ config, service, readiness, liveness }),
  };
}

function serverProvider({ settings: config, service }: MessagingModuleOptions): Provider {
  return {
    provide: KafkaBatchServer,
    inject: [RecordParking, Readiness, Liveness, Shutdown],
    useFactory: (parking: RecordParking, readiness: Readiness, liveness: Liveness, shutdown: Shutdown) =>
      new KafkaBatchServer({ config, service, parking, readiness, liveness, shutdown }),
  };
}
