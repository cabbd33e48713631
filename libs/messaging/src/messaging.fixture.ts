import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, Module } from '@nestjs/common';
import type { DynamicModule, Type } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { jobEvent } from '@assay/contracts';
import type { OutgoingEvent, ReceivedEvent, ReviewSubmitted, StageDelayed } from '@assay/contracts';
import { PostgresModule } from '@assay/postgres';
import { fixedSecret, newApiKey } from '@assay/security';
import { startService } from '@assay/service';
import type { RunningService } from '@assay/service';
import { testDatabase, testKafka } from '@assay/testing';
import type { TestDatabase, TestKafka } from '@assay/testing';
import { WORK_QUEUE_MIGRATION_SQL, WorkQueueModule } from '@assay/work-queue';
import type { KafkaMessage, Producer } from 'kafkajs';
import { v7 } from 'uuid';
import { BatchContext } from './batch-context.js';
import { cloudEventHeaders } from './cloud-events.js';
import { KafkaBatchServer } from './kafka-batch-server.js';
import { KafkaPublisher } from './kafka-publisher.js';
import { MessagingModule } from './messaging.module.js';
import { PARKED_RECORDS_MIGRATION_SQL } from './parked-records.js';

export const ARTEFACT_KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;

/** A handler of `stage.delayed` that does what the test says with each batch, and keeps what it was given. */
export class Ear {
  readonly batches: ReceivedEvent<StageDelayed>[][] = [];
  readonly contexts: BatchContext[] = [];
  readonly submissions: ReceivedEvent<ReviewSubmitted>[] = [];
  react: (events: ReceivedEvent<StageDelayed>[], context: BatchContext) => unknown = () => undefined;

  get codes(): string[] {
    return this.batches.flat().map(({ data }) => data.code);
  }

  hear(events: ReceivedEvent<StageDelayed>[], context: BatchContext): unknown {
    this.batches.push(events);
    this.contexts.push(context);
    return this.react(events, context);
  }
}

export interface Member extends RunningService {
  server: KafkaBatchServer;
  publisher: KafkaPublisher;
}

/** One service's schema with the tables of the lib, topics of its own, and as many members as a test starts. */
export interface MessagingStage {
  database: TestDatabase;
  kafka: TestKafka;
  producer: Producer;
  member(ear: Ear, options?: { service?: string; settings?: Record<string, unknown> }): Promise<Member>;
  settings(over?: Record<string, unknown>): ReturnType<typeof settingsFor>;
  /** Sends records as they are, past every check. */
  sendRaw(messages: Partial<KafkaMessage>[]): Promise<void>;
  send(events: OutgoingEvent[], partition?: number): Promise<void>;
  close(): Promise<void>;
}

export async function messagingStage(): Promise<MessagingStage> {
  const database = await testDatabase('validator', { empty: true });
  for (const text of [...WORK_QUEUE_MIGRATION_SQL, ...PARKED_RECORDS_MIGRATION_SQL]) await asRole(database, text);
  const kafka = testKafka();
  await kafka.createTopics();
  const producer = kafka.client.producer();
  await producer.connect();
  const directory = mkdtempSync(join(tmpdir(), 'assay-messaging-'));
  const api_keys_file = join(directory, 'keys.json');
  const { sha256 } = newApiKey();
  writeFileSync(api_keys_file, JSON.stringify({ keys: [{ id: 'one', sha256, role: 'operator', sources: '*' }] }));
  const members: RunningService[] = [];
  const settings = (over: Record<string, unknown> = {}) => settingsFor(database, kafka, over);
  const topic = kafka.topic('stage.delayed');
  return {
    ...{ database, kafka, producer, settings },
    member: async (ear, { service = 'validator', settings: over } = {}) => {
      const started = await startMember(ear, service, settings({ ...over, api_keys_file }));
      members.push(started);
      return started;
    },
    sendRaw: async (messages) => void (await producer.send({ topic, messages: messages as never })),
    send: async (events, partition) => {
      const messages = events.map((event) => ({
        ...{ key: event.key, value: event.data, partition },
        headers: cloudEventHeaders(event, 'spec'),
      }));
      await producer.send({ topic, messages });
    },
    close: async () => {
      await Promise.all(members.map((member) => member.stop()));
      await producer.disconnect();
      await kafka.close();
      await database.close();
      rmSync(directory, { recursive: true });
    },
  };
}

async function asRole(database: TestDatabase, text: string): Promise<void> {
  await database.sql(`SET ROLE assay_validator; ${text}`);
}

function settingsFor(database: TestDatabase, kafka: TestKafka, over: Record<string, unknown>) {
  return {
    ...{
      instance: `spec-${v7()}`,
      http_host: '127.0.0.1',
      http_port: 0,
      probe_host: null,
      probe_port: null,
      http_body_limit_bytes: 1_000_000,
    },
    ...{
      http_bodies_in_flight_bytes: 8_000_000,
      http_rate_per_s: 1_000,
      http_rate_burst: 1_000,
      http_concurrency: 1_000,
    },
    api_keys_file: '',
    ...{ postgres_url: fixedSecret(database.url), postgres_pool_size: 4, postgres_statement_timeout_ms: 5_000 },
    ...{ kafka_brokers: [kafka.brokers], kafka_topic_prefix: kafka.topic_prefix, kafka_group: null },
    ...{
      kafka_session_timeout_ms: 3_000,
      kafka_fetch_wait_ms: 50,
      kafka_batch_records: 100,
      kafka_batch_bytes: 8 * 1024 * 1024,
    },
    ...{ kafka_publish_timeout_ms: 4_000, kafka_publish_in_flight_bytes: 4_000_000 },
    artefact_keys: fixedSecret(ARTEFACT_KEYS),
    ...{ lease_ms: 2_000, sweep_interval_ms: 500, priority_ageing_s: 30 },
    ...{
      work_max_bytes: 1_000_000,
      publish_max_bytes: 1_000_000,
      publish_batch: 100,
      poll_first_ms: 20,
      poll_max_ms: 200,
    },
    ...over,
  };
}

async function startMember(ear: Ear, service: string, settings: ReturnType<typeof settingsFor>): Promise<Member> {
  const running = await startService(
    { name: service, module: moduleOf(ear, service, settings), transport: (app) => app.get(KafkaBatchServer) },
    settings,
  );
  const { app } = running;
  return { ...running, server: app.get(KafkaBatchServer), publisher: app.get(KafkaPublisher) };
}

@Module({})
class SpecModule {}

function moduleOf(ear: Ear, service: string, settings: ReturnType<typeof settingsFor>): DynamicModule {
  return {
    module: SpecModule,
    imports: [
      PostgresModule.register({ schema: 'validator', settings }),
      MessagingModule.register({ settings, service }),
      WorkQueueModule.register({ settings }),
    ],
    controllers: [controllerOf(ear)],
  };
}

function controllerOf(ear: Ear): Type {
  @Controller()
  class SpecConsumer {
    @EventPattern<string>('stage.delayed')
    async onDelayed(@Payload() events: ReceivedEvent<StageDelayed>[], @Ctx() batch: BatchContext): Promise<void> {
      await ear.hear(events, batch);
    }

    @EventPattern<string>('review.submitted')
    onSubmitted(@Payload() events: ReceivedEvent<ReviewSubmitted>[]): void {
      ear.submissions.push(...events);
    }
  }
  return SpecConsumer;
}

/** A small event of its own job, told apart by `code`. */
export function delayedEvent(code: string, differs: Partial<StageDelayed> = {}): OutgoingEvent {
  const job_id = v7();
  const data: StageDelayed = {
    ...{ job_id, source: 'acme', changelist_id: code, review_version: 1, generation: 0, revision: 1 },
    ...{ occurred_at: '2026-01-01T00:00:00.000Z', correlation_id: `corr-${code}` },
    ...{ stage: 'validate' as const, subject_type: 'job' as const, subject_id: job_id, attempt: 1, max_attempts: 5 },
    ...{ error_class: 'DEPENDENCY_UNAVAILABLE' as const, code, next_due_at: '2026-01-01T00:00:00.000Z', summary: null },
    ...differs,
  };
  return jobEvent('stage.delayed', data, { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` });
}

/** A submission whose event has about `bytes` bytes. */
export function submittedEvent(bytes: number): OutgoingEvent {
  const data: ReviewSubmitted = {
    ...{ job_id: v7(), source: 'acme', changelist_id: '1', review_version: 1, generation: 0, revision: 1 },
    ...{ occurred_at: '2026-01-01T00:00:00.000Z', correlation_id: 'corr-big', priority: 5, allow_list_hash: 'h' },
    ...{ recipients: [], accepted_at: '2026-01-01T00:00:00.000Z' },
    submission: { changed_files: ['a'], review_result: 'x'.repeat(bytes) },
  };
  return jobEvent('review.submitted', data, { traceparent: null });
}
