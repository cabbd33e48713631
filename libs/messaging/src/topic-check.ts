import { TOPICS, topicName } from '@assay/contracts';
import type { EventType, TopicDefinition } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { CheckFailure, PeriodicTask } from '@assay/service';
import type { Liveness, Readiness } from '@assay/service';
import kafkajs from 'kafkajs';
import type { Admin } from 'kafkajs';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from './kafka-client.js';
import type { KafkaClusterConfig } from './kafka-client.js';
import { ClientSockets } from './open-socket.js';
import { Refusals } from './refusals.js';

// Node does not see this among the names that a CommonJS module exports.
const { ConfigResourceTypes } = kafkajs;

const log = createLog('kafka.topics', ['topics_differ', 'topics_as_listed', 'topics_unknown']);

const REQUEST_TIMEOUT_MS = 5_000;
/** What an operator changes in the cluster is seen by then. */
const SEEN_WITHIN_MS = 60_000;
/** How soon a look that failed is repeated. */
const INTERVAL_MS = 10_000;
/** A start waits so long at most: with Kafka away it goes on, and the contract's sizes hold until Kafka says otherwise. */
const START_WAIT_MS = 3_000;
/** What a record costs beside its data: headers, key, framing. Generous, so that the limits hold. */
export const RECORD_OVERHEAD_BYTES = 1_024;

export interface TopicCheckParts {
  config: KafkaClusterConfig & { instance: string };
  service: string;
  readiness: Readiness;
  liveness: Liveness;
}

type Code = 'topic_missing' | 'topic_too_small' | 'topic_has_few_partitions';

interface Difference {
  code: Code;
  detail: string;
}

/** What the cluster has of a topic. */
interface Found {
  partitions: number;
  /** Null where the principal may not see the topic's settings. */
  max_message_bytes: number | null;
}

/**
 * Holds a service's topics, as the cluster has them, against the one list (OPS-6): at start and each minute. What
 * differs is told by name, in the log when it changes and in `/readyz`; nothing is made or changed.
 */
export class TopicCheck {
  readonly #sockets = new ClientSockets();
  readonly #refusals = new Refusals('topic_check');
  readonly #task: PeriodicTask;
  readonly #topics: readonly TopicDefinition[];
  readonly #limits = new Map<EventType, number>();
  #differences: readonly Difference[] = [];
  #told = '';
  #looked_at_ms = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: TopicCheckParts) {
    const { service } = parts;
    this.#topics = TOPICS.filter(({ producers, consumers }) =>
      ([...producers, ...consumers] as string[]).includes(service),
    );
    const run = (): Promise<void> => this.#lookIfDue();
    this.#task = new PeriodicTask(parts.liveness, { name: 'kafka_topics', interval_ms: INTERVAL_MS, run });
  }

  /** Resolves after the first look, or where Kafka does not answer soon. */
  async start(): Promise<void> {
    this.parts.readiness.register('kafka_topics', () => this.#assertAsListed(), { told_only: true });
    this.#task.start();
    const late = new AbortController();
    const first = this.#look().catch((error: unknown) => log.warn('topics_unknown', {}, error));
    await Promise.race([first, pause(START_WAIT_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
  }

  async stop(): Promise<void> {
    await this.#task.stop();
    this.#sockets.destroy();
  }

  /** Bytes of data that a record of this type may have: the list's, or fewer where the cluster takes fewer. */
  dataLimit(type: EventType): number {
    const { max_message_bytes } = TOPICS.find((topic) => topic.type === type)!;
    return Math.min(max_message_bytes, this.#limits.get(type) ?? max_message_bytes) - RECORD_OVERHEAD_BYTES;
  }

  async #lookIfDue(): Promise<void> {
    if (performance.now() - this.#looked_at_ms >= SEEN_WITHIN_MS) await this.#look();
  }

  async #look(): Promise<void> {
    const { config, service } = this.parts;
    const client_id = `assay-${service}-${config.instance}-topics`;
    const [sockets, refusals] = [this.#sockets, this.#refusals];
    // Without retries: a start with Kafka away is not to wait for them, and the next look comes soon.
    const options = { client_id, request_timeout_ms: REQUEST_TIMEOUT_MS, retries: 0, sockets, refusals };
    const client = createClient(config, options);
    const admin = client.admin();
    try {
      await admin.connect();
      this.#heed(await this.#found(admin));
      this.#looked_at_ms = performance.now();
      this.#refusals.over();
    } catch (error) {
      this.#refusals.judge(error);
      throw error;
    } finally {
      await admin.disconnect();
    }
  }

  async #found(admin: Admin): Promise<Map<EventType, Found>> {
    const prefix = this.parts.config.kafka_topic_prefix;
    const listed = new Set(await admin.listTopics());
    const present = this.#topics.filter(({ type }) => listed.has(topicName(prefix, type)));
    if (present.length === 0) return new Map();
    const names = present.map(({ type }) => topicName(prefix, type));
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    const sizes = await sizesOf(admin, names);
    return new Map(
      present.map(({ type }) => {
        const name = topicName(prefix, type);
        const partitions = topics.find((topic) => topic.name === name)?.partitions.length ?? 0;
        return [type, { partitions, max_message_bytes: sizes.get(name) ?? null }];
      }),
    );
  }

  #heed(found: ReadonlyMap<EventType, Found>): void {
    const prefix = this.parts.config.kafka_topic_prefix;
    for (const [type, { max_message_bytes }] of found) {
      if (max_message_bytes !== null) this.#limits.set(type, max_message_bytes);
    }
    this.#differences = this.#topics.flatMap((topic) =>
      differencesOf(topic, topicName(prefix, topic.type), found.get(topic.type)),
    );
    const now = JSON.stringify(this.#differences);
    if (now === this.#told) return;
    this.#told = now;
    if (this.#differences.length === 0) log.info('topics_as_listed', { topics: this.#topics.length });
    else
      log.error('topics_differ', {
        differences: this.#differences,
        cure: 'run the topics command, or see docs/topics.md',
      });
  }

  #assertAsListed(): Promise<void> {
    const [first] = this.#differences;
    if (!first) return Promise.resolve();
    const details = this.#differences.map(({ detail }) => detail).join('; ');
    return Promise.reject(new CheckFailure(first.code, details));
  }
}

/** Empty where the principal may not see them. */
async function sizesOf(admin: Admin, names: readonly string[]): Promise<Map<string, number>> {
  const resources = names.map((name) => ({
    ...{ type: ConfigResourceTypes.TOPIC, name, configNames: ['max.message.bytes'] },
  }));
  const described = await admin.describeConfigs({ resources, includeSynonyms: false }).catch((error: unknown) => {
    log.warn('topics_unknown', { wanted: 'DESCRIBE_CONFIGS on the topics' }, error);
    return { resources: [] };
  });
  return new Map(
    described.resources.flatMap(({ resourceName, configEntries }) => {
      const entry = configEntries.find(({ configName }) => configName === 'max.message.bytes');
      return entry ? [[resourceName, Number(entry.configValue)] as const] : [];
    }),
  );
}

function differencesOf(wanted: TopicDefinition, name: string, found: Found | undefined): Difference[] {
  if (!found) return [{ code: 'topic_missing', detail: `${name} is missing` }];
  const { partitions, max_message_bytes } = found;
  const differences: Difference[] = [];
  if (max_message_bytes !== null && max_message_bytes < wanted.max_message_bytes) {
    const detail = `${name} takes records of ${max_message_bytes} bytes (max.message.bytes), not ${wanted.max_message_bytes}`;
    differences.push({ code: 'topic_too_small', detail });
  }
  if (partitions < wanted.partitions) {
    const detail = `${name} has ${partitions} partitions, not ${wanted.partitions}`;
    differences.push({ code: 'topic_has_few_partitions', detail });
  }
  return differences;
}
