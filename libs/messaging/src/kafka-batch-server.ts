import { Failure, topicName, TOPICS } from '@assay/contracts';
import type { EventType, ReceivedEvent } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { Liveness, Readiness, Shutdown } from '@assay/service';
import { Server } from '@nestjs/microservices';
import type { CustomTransportStrategy, MessageHandler } from '@nestjs/microservices';
import type { Consumer, ConsumerCrashEvent, ConsumerGroupJoinEvent, EachBatchPayload } from 'kafkajs';
import { setTimeout as pause } from 'node:timers/promises';
import { lastValueFrom } from 'rxjs';
import { groupName } from './acls.js';
import type { BatchContext } from './batch-context.js';
import { BatchProcessor } from './batch-processor.js';
import type { BatchHandler } from './batch-processor.js';
import { ConsumerLag } from './consumer-lag.js';
import { topicOf } from './event-schemas.js';
import { CLIENT_RETRY, createClient } from './kafka-client.js';
import type { KafkaClusterConfig } from './kafka-client.js';
import { ClientSockets } from './open-socket.js';
import { OffsetCommits } from './offset-commits.js';
import type { PatternExtras } from './pattern-extras.js';
import type { RecordParking } from './record-parking.js';
import { Refusals } from './refusals.js';
import { RoundGatherer } from './round-gatherer.js';

const log = createLog('kafka.consumer', ['joined', 'waiting_for_kafka', 'crashed', 'left', 'join_awaited_in_vain']);

export interface ConsumerConfig extends KafkaClusterConfig {
  instance: string;
  kafka_group: string | null;
  kafka_session_timeout_ms: number;
  kafka_fetch_wait_ms: number;
  kafka_batch_records: number;
  kafka_batch_bytes: number;
}

export interface BatchServerParts {
  config: ConsumerConfig;
  /** The service's name; with the topics' prefix its consumer group unless another is set. */
  service: string;
  parking: RecordParking;
  readiness: Readiness;
  liveness: Liveness;
  shutdown: Shutdown;
  /** A start during an outage of Kafka goes on without it after this: HTTP needs no consumer (ING-10). Default 10 s. */
  join_wait_ms?: number;
}

/** More than any service has partitions of one broker: kafkajs then hands over a whole fetch at once. */
const CONCURRENT_PARTITIONS = 256;
/**
 * How soon a partition is heard that the topic got since, or that a busy broker did not know yet when the group formed: with
 * kafkajs' default of five minutes a service heard nothing of a new topic for so long.
 */
const METADATA_MAX_AGE_MS = 10_000;
const FETCH_BYTES = 16 * 1024 * 1024;
const PARTITION_FETCH_BYTES = 2 * 1024 * 1024;
const JOIN_WAIT_MS = 10_000;
const CONNECT_BACKOFF_MS = 500;
/** A refused login is tried less often: brokers and issuers count them, and somebody has to mend it (SEC-5). */
const REFUSED_BACKOFF_MS = 5_000;
const PAUSE = { first_ms: 200, cap_ms: 5_000 };
const LOOP = 'kafka_consumer';

/**
 * Nest's transport for `@EventPattern` handlers that take arrays: one consumer group per service over the topics of all
 * its patterns. Nest's own Kafka server takes one message at a time, and what a handler throws it turns into an object
 * that kafkajs retries for ever.
 */
export class KafkaBatchServer extends Server implements CustomTransportStrategy {
  /** Failures reach {@link BatchProcessor}, which judges them: Nest must not log and drop them. */
  override readonly propagatesEventHandlerErrors = true;
  readonly lag = new ConsumerLag();
  readonly #commits = new OffsetCommits();
  readonly #stopping = new AbortController();
  readonly #sockets = new ClientSockets();
  readonly #refusals = new Refusals('consumer');
  #consumer: Consumer | undefined;
  #gatherer: RoundGatherer | undefined;
  #starting: Promise<void> | undefined;
  #types = new Map<string, EventType>();
  /** By partition: its end at the first fetch since the group was joined. */
  readonly #ends_at_join = new Map<string, number>();
  #joined: () => void;
  #crashed: (error: Error) => void;
  #has_joined = false;
  #heard_at_ms = Number.NEGATIVE_INFINITY;
  #waited_long = false;
  /** Resolves with the first membership; services are ready from then on. */
  readonly joined = new Promise<void>((resolve, reject) => {
    this.#joined = resolve;
    this.#crashed = reject;
  });

  constructor(private readonly parts: BatchServerParts) {
    super();
  }

  /** Nest's entry: calls back once the group was joined, or Kafka is away and will be waited for beside the rest. */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      const handlers = this.#batchHandlers();
      if (handlers.size > 0) {
        this.#starting = this.#start(handlers);
        await this.#joinedOrLate();
      }
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Takes nothing more, finishes the round at work, commits and leaves the group. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.parts.liveness.forget(LOOP);
    await this.#starting;
    await this.#commits.now();
    await this.#consumer?.disconnect().catch(() => undefined);
    this.#sockets.destroy();
    await this.#gatherer?.idle();
    this.lag.stop();
    if (this.#consumer) log.info('left');
    this.#consumer = undefined;
  }

  on(): never {
    throw new Error('listen to the log and the metrics instead: this transport emits no events');
  }

  unwrap<T>(): T {
    return this.#consumer as T;
  }

  #batchHandlers(): Map<EventType, BatchHandler> {
    const handlers = new Map<EventType, BatchHandler>();
    for (const [pattern, handler] of this.getHandlers()) {
      const definition = topicOf(pattern);
      if (!definition) {
        throw new Error(`no topic carries "${pattern}"; known: ${TOPICS.map(({ type }) => type).join(', ')}`);
      }
      if (!handler.isEventHandler) throw new Error(`"${pattern}" must be an @EventPattern: nobody waits for an answer`);
      handlers.set(definition.type, asBatchHandler(handler));
    }
    return handlers;
  }

  async #start(handlers: Map<EventType, BatchHandler>): Promise<void> {
    const { config, service, parking } = this.parts;
    const { kafka_session_timeout_ms: session_ms, kafka_topic_prefix } = config;
    this.#types = new Map([...handlers.keys()].map((type) => [topicName(kafka_topic_prefix, type), type]));
    const heartbeat_ms = Math.max(100, Math.min(1_000, Math.floor(session_ms / 6)));
    const { kafka_batch_records: max_records, kafka_batch_bytes: max_bytes } = config;
    const options = { max_records, max_bytes, heartbeat_ms, pause: PAUSE };
    const processor = new BatchProcessor(handlers, parking, this.lag, this.#commits, options, this.#stopping.signal);
    this.#gatherer = new RoundGatherer((type, parts) => processor.process(type, parts));
    const consumer = this.#createConsumer(heartbeat_ms);
    this.#consumer = consumer;
    this.#watch(consumer, service);
    this.lag.start();
    await this.#run(consumer);
  }

  async #run(consumer: Consumer): Promise<void> {
    await this.#untilSubscribed(consumer);
    if (this.#stopping.signal.aborted) return;
    await consumer.run({
      eachBatchAutoResolve: false,
      autoCommit: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
      eachBatch: (payload) => this.#eachBatch(payload),
    });
  }

  /** kafkajs gives up what was refused; a rotated secret or a granted ACL mends it, a new process would not. */
  async #runAgain(consumer: Consumer): Promise<void> {
    await this.#pauseFor(REFUSED_BACKOFF_MS);
    if (!this.#stopping.signal.aborted) await this.#run(consumer);
  }

  #createConsumer(heartbeat_ms: number): Consumer {
    const { config, service } = this.parts;
    const { kafka_session_timeout_ms: session_ms, kafka_fetch_wait_ms } = config;
    const client = createClient(config, {
      client_id: `assay-${service}-${config.instance}`,
      sockets: this.#sockets,
      refusals: this.#refusals,
      request_timeout_ms: Math.max(session_ms, kafka_fetch_wait_ms + 5_000),
    });
    return client.consumer({
      groupId: config.kafka_group ?? groupName(config.kafka_topic_prefix, service),
      allowAutoTopicCreation: false,
      sessionTimeout: session_ms,
      rebalanceTimeout: Math.max(session_ms, 10_000),
      heartbeatInterval: heartbeat_ms,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      maxWaitTimeInMs: kafka_fetch_wait_ms,
      maxBytes: FETCH_BYTES,
      maxBytesPerPartition: PARTITION_FETCH_BYTES,
      // A consumer that kafkajs starts again while it is being closed would outlive its closing.
      retry: { ...CLIENT_RETRY, restartOnFailure: () => Promise.resolve(!this.#stopping.signal.aborted) },
    });
  }

  #watch(consumer: Consumer, service: string): void {
    const { readiness, shutdown } = this.parts;
    const beat = (): void => this.#beat();
    const heard = (): void => {
      this.#heard_at_ms = performance.now();
      this.#refusals.over();
      beat();
    };
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }: ConsumerGroupJoinEvent) => {
      this.lag.keepOnly(payload.memberAssignment);
      this.#ends_at_join.clear();
      log.info('joined', { group: payload.groupId, partitions: Object.values(payload.memberAssignment).flat().length });
      this.#has_joined = true;
      this.#joined();
      heard();
    });
    // The loop beats with every fetch, and with every crash that kafkajs mends: an outage of Kafka is not a hung process.
    consumer.on(consumer.events.FETCH_START, beat);
    consumer.on(consumer.events.FETCH, heard);
    consumer.on(consumer.events.HEARTBEAT, heard);
    consumer.on(consumer.events.CRASH, ({ payload }: ConsumerCrashEvent) => {
      beat();
      log.warn('crashed', { restart: payload.restart }, payload.error);
      const refused = this.#refusals.judge(payload.error);
      if (payload.restart || this.#stopping.signal.aborted) return;
      if (refused) {
        this.#starting = this.#runAgain(consumer);
        return;
      }
      // Nothing here can mend it: the process ends, its supervisor starts it afresh, work items survive.
      this.#crashed(payload.error);
      shutdown.request('kafka_consumer_crashed');
    });
    readiness.register(`kafka_group_${service}`, () => this.#member());
    readiness.register('kafka', () => this.#assertHeard(), { told_only: true });
  }

  #beat(): void {
    if (!this.#stopping.signal.aborted) this.parts.liveness.beat(LOOP, this.parts.config.kafka_session_timeout_ms * 4);
  }

  /**
   * Ready with the first membership, and while a Kafka that was away from the start is waited for. Not where it was there
   * and has never let this replica in: a faulty setting then does not replace the replicas that it would break.
   */
  #member(): Promise<void> {
    if (this.#has_joined) return Promise.resolve();
    if (this.#refusals.current) return this.#refusals.assertNone();
    return this.#waited_long ? Promise.resolve() : this.joined;
  }

  /** Told, and no more: what needs no record is answered as ever, and the rest waits in tables (GEN-10, ING-10). */
  #assertHeard(): Promise<void> {
    if (this.#refusals.current) return this.#refusals.assertNone();
    const silent_ms = performance.now() - this.#heard_at_ms;
    return silent_ms <= this.parts.config.kafka_session_timeout_ms ? Promise.resolve() : Promise.reject(silent());
  }

  async #joinedOrLate(): Promise<void> {
    const { join_wait_ms = JOIN_WAIT_MS } = this.parts;
    const given_up = new AbortController();
    const late = pause(join_wait_ms, 'late', { signal: given_up.signal }).catch(() => 'joined');
    const outcome = await Promise.race([this.joined.then(() => 'joined'), late]);
    given_up.abort();
    if (outcome === 'late') {
      this.#waited_long = true;
      log.warn('join_awaited_in_vain', { waited_ms: join_wait_ms });
    }
  }

  async #untilSubscribed(consumer: Consumer): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await consumer.connect();
        return await consumer.subscribe({ topics: [...this.#types.keys()], fromBeginning: true });
      } catch (error) {
        log.warn('waiting_for_kafka', {}, error);
        if (this.#has_joined) this.#beat();
        const refused = this.#refusals.judge(error) || this.#refusals.current !== null;
        await this.#pauseFor(refused ? REFUSED_BACKOFF_MS : CONNECT_BACKOFF_MS);
      }
    }
  }

  async #pauseFor(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { topic, partition } = payload.batch;
    const place = { type: this.#types.get(topic)!, topic, partition };
    await this.#gatherer!.join({ place, payload, redelivered_below: this.#endAtJoin(payload) });
  }

  #endAtJoin({ batch: { topic, partition, highWatermark } }: EachBatchPayload): number {
    const key = `${topic}[${partition}]`;
    let end = this.#ends_at_join.get(key);
    if (end === undefined) this.#ends_at_join.set(key, (end = Number(highWatermark)));
    return end;
  }
}

function silent(): Failure {
  return new Failure({
    error_class: 'DEPENDENCY_UNAVAILABLE',
    code: 'kafka_silent',
    retryable: true,
    message: 'Kafka has not answered this consumer for longer than its session lasts',
  });
}

/** Nest wraps a handler into a function of (data, context) that resolves to a stream. */
function asBatchHandler(handler: MessageHandler): BatchHandler {
  const handle = async (events: ReceivedEvent[], context: BatchContext) => {
    const outcome: unknown = await handler(events, context);
    if (isStream(outcome)) await lastValueFrom(outcome, { defaultValue: undefined });
  };
  return Object.assign(handle, handler.extras as PatternExtras);
}

function isStream(value: unknown): value is Parameters<typeof lastValueFrom>[0] {
  return typeof value === 'object' && value !== null && 'subscribe' in value;
}
