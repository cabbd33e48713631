import { topicName } from '@assay/contracts';
import type { OutgoingEvent } from '@assay/contracts';
import { createLog, startSpan } from '@assay/observability';
import type { EventPublisher, PublishResult } from '@assay/work-queue';
import { Partitioners } from 'kafkajs';
import type { Message, Producer, TopicMessages } from 'kafkajs';
import { cloudEventHeaders } from './cloud-events.js';
import { schemaFault, topicOf } from './event-schemas.js';
import { createClient } from './kafka-client.js';
import type { KafkaClusterConfig } from './kafka-client.js';
import { publishAvailable, published, publishSeconds } from './metrics.js';
import { judgeSendError, rejected, unavailable } from './publish-failure.js';
import { Refusals } from './refusals.js';
import { RECORD_OVERHEAD_BYTES } from './topic-check.js';

const log = createLog('kafka.publisher', ['publishing_unavailable', 'publishing_available']);

export interface PublisherConfig extends KafkaClusterConfig {
  instance: string;
  kafka_publish_timeout_ms: number;
  kafka_publish_in_flight_bytes: number;
}

/** A request above 1 MiB is one record (a broker's default limit is for the batch, not the record). */
const REQUEST_BYTES = 900_000;
/** While two requests are under way the next one gathers what comes: many small publications share a request. */
const REQUESTS_IN_FLIGHT = 2;

const CLOSED: PublishResult = { kind: 'unavailable', failure: unavailable('kafka_publisher_closed') };

interface Entry {
  event: OutgoingEvent;
  topic: string;
  message: Message;
  bytes: number;
  settled: boolean;
  settle: (result: PublishResult) => void;
}

/**
 * The Kafka side of the work queue's port. `acks` of all in-sync replicas; not idempotent, since kafkajs' idempotent
 * producer can lose records when a broker fails, and consumers ignore duplicates anyway (docs/adr/0002-kafkajs.md).
 */
export class KafkaPublisher implements EventPublisher {
  readonly refusals = new Refusals('publisher');
  readonly #producer: Producer;
  #connecting: Promise<void> | undefined;
  #available = true;
  #waiting: Entry[] = [];
  #requests = 0;
  #bytes_in_flight = 0;
  #scheduled = false;
  #closed = false;
  readonly #sending = new Set<Promise<void>>();

  constructor(
    private readonly config: PublisherConfig,
    private readonly service: string,
  ) {
    const request_timeout_ms = config.kafka_publish_timeout_ms;
    // Few retries: the queue itself is what retries, and it keeps the events where a crash cannot reach them.
    const client = createClient(config, {
      client_id: `assay-${service}-${config.instance}`,
      request_timeout_ms,
      retries: 2,
      refusals: this.refusals,
    });
    this.#producer = client.producer({
      allowAutoTopicCreation: false,
      idempotent: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    this.#producer.on('producer.disconnect', () => (this.#connecting = undefined));
  }

  get available(): boolean {
    return this.#available;
  }

  /** Resolves within `kafka_publish_timeout_ms`; a publication of one event is the probe after an outage. */
  async publish(events: readonly OutgoingEvent[]): Promise<PublishResult[]> {
    if (events.length === 0) return [];
    const entries: Entry[] = [];
    const results = events.map(
      (event) =>
        new Promise<PublishResult>((resolve) => {
          const entry = this.#admit(event, resolve);
          if (entry) entries.push(entry);
        }),
    );
    if (this.#closed) this.#settleAll(entries, CLOSED);
    this.#waiting.push(...entries.filter(({ settled }) => !settled));
    this.#pumpSoon();
    const deadline = setTimeout(() => this.#expire(entries), this.config.kafka_publish_timeout_ms);
    try {
      return await Promise.all(results);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Connects early, so that the first event does not wait for it; an absent broker is no error. */
  async connect(): Promise<boolean> {
    try {
      await this.#connected();
      return true;
    } catch (error) {
      this.refusals.judge(error);
      return false;
    }
  }

  /** Waits for what is under way, then leaves. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#sending);
    this.#settleAll(this.#waiting.splice(0), CLOSED);
    await this.#connecting?.catch(() => undefined);
    await this.#producer.disconnect().catch(() => undefined);
  }

  /** Refuses what the topic's schema and limit refuse; the rest becomes an entry. */
  #admit(event: OutgoingEvent, resolve: (result: PublishResult) => void): Entry | null {
    const refuse = (code: string, message: string): null => {
      published.add(1, { type: event.type, result: 'rejected' });
      resolve({ kind: 'rejected', failure: rejected(code, message) });
      return null;
    };
    const definition = topicOf(event.type);
    if (!definition) return refuse('unknown_event_type', 'no topic carries events of this type');
    const bytes = event.data.length + event.key.length + RECORD_OVERHEAD_BYTES;
    if (bytes > definition.max_message_bytes) {
      return refuse('record_too_large', `${bytes} bytes are more than ${definition.max_message_bytes}`);
    }
    const fault = dataFault(event);
    if (fault) return refuse('schema_violation', fault);
    const headers = cloudEventHeaders(event, this.service);
    return {
      event,
      topic: topicName(this.config.kafka_topic_prefix, event.type),
      message: { key: event.key, value: event.data, headers },
      bytes,
      settled: false,
      settle: resolve,
    };
  }

  #expire(entries: readonly Entry[]): void {
    const late = entries.filter(({ settled }) => !settled);
    if (late.length === 0) return;
    this.#become(false, 'kafka_timed_out');
    this.#settleAll(late, { kind: 'unavailable', failure: unavailable('kafka_timed_out') });
    this.#waiting = this.#waiting.filter(({ settled }) => !settled);
  }

  /** After the current turn, so that all publications of a turn share a request. */
  #pumpSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#mayStart()) {
      const entries = this.#nextRequest();
      const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
      this.#requests += 1;
      this.#bytes_in_flight += bytes;
      const sending = this.#send(entries).finally(() => {
        this.#requests -= 1;
        this.#bytes_in_flight -= bytes;
        this.#sending.delete(sending);
        this.#pump();
      });
      this.#sending.add(sending);
    }
  }

  #mayStart(): boolean {
    if (this.#closed || this.#waiting.length === 0 || this.#requests >= REQUESTS_IN_FLIGHT) return false;
    const next_bytes = this.#waiting[0]!.bytes;
    // A record larger than the whole bound goes when nothing else is under way.
    return this.#requests === 0 || this.#bytes_in_flight + next_bytes <= this.config.kafka_publish_in_flight_bytes;
  }

  #nextRequest(): Entry[] {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      bytes += entry.bytes;
      if (count > 0 && bytes > REQUEST_BYTES) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #send(entries: readonly Entry[]): Promise<void> {
    const span = startSpan('publish', {
      kind: 'PRODUCER',
      parent: null,
      links: entries.map(({ event }) => event.traceparent),
      attributes: { 'messaging.system': 'kafka', 'messaging.batch.message_count': entries.length },
    });
    const begun_at = performance.now();
    try {
      await this.#connected();
      await this.#producer.sendBatch({ acks: -1, topicMessages: byTopic(entries) });
      publishSeconds.record((performance.now() - begun_at) / 1000);
      this.#become(true);
      this.refusals.over();
      this.#settleAll(entries, { kind: 'acked' });
      span.end();
    } catch (error) {
      span.end(await this.#sendFailed(entries, error));
    }
  }

  /** One bad record or topic must not hold up what shared its request: halves it until the culprit stands alone. */
  async #sendFailed(entries: readonly Entry[], error: unknown): Promise<unknown> {
    const { failure, local, refused } = judgeSendError(error);
    this.refusals.judge(error);
    const open = entries.filter(({ settled }) => !settled);
    if (local && entries.length > 1) {
      const middle = Math.ceil(open.length / 2);
      if (middle > 0) await this.#send(open.slice(0, middle));
      if (open.length > middle) await this.#send(open.slice(middle));
      return failure;
    }
    if (refused) this.#become(true);
    else this.#become(false, failure.code);
    this.#settleAll(open, { kind: refused ? 'rejected' : 'unavailable', failure });
    return failure;
  }

  /** One attempt to connect at a time; after a failed one the next publication makes another. */
  #connected(): Promise<void> {
    this.#connecting ??= this.#producer.connect().catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  #settleAll(entries: readonly Entry[], result: PublishResult): void {
    for (const entry of entries) {
      if (entry.settled) continue;
      entry.settled = true;
      published.add(1, { type: entry.event.type, result: result.kind });
      entry.settle(result);
    }
  }

  #become(available: boolean, code?: string): void {
    publishAvailable.record(available ? 1 : 0);
    if (available === this.#available) return;
    this.#available = available;
    if (available) log.info('publishing_available');
    else log.warn('publishing_unavailable', { code });
  }
}

function dataFault(event: OutgoingEvent): string | null {
  try {
    return schemaFault(event.type, event.value ?? JSON.parse(event.data.toString('utf8')));
  } catch {
    return 'the data is not JSON';
  }
}

function byTopic(entries: readonly Entry[]): TopicMessages[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, message } of entries) {
    const messages = topics.get(topic);
    if (messages) messages.push(message);
    else topics.set(topic, [message]);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}
