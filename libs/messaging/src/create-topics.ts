import { TOPICS, topicName } from '@assay/contracts';
import type { Admin } from 'kafkajs';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from './kafka-client.js';
import type { KafkaClusterConfig } from './kafka-client.js';

export interface CreateTopicsOptions extends KafkaClusterConfig {
  /** -1: the cluster's default. */
  kafka_replication_factor: number;
  /** What the cluster allows, where that is less than the contract wants. */
  kafka_max_message_bytes?: number;
}

export interface CreatedTopics {
  created: string[];
  /** Topics that got more partitions; nothing relies on their number (GEN-9). */
  extended: string[];
}

const REQUEST_TIMEOUT_MS = 30_000;
const UNKNOWN_BACKOFF_MS = 200;

/**
 * Makes the contract's topics that are not there, and adds partitions where the contract has more. Nothing is ever
 * removed, and settings of a topic that exists stay as its operator has them.
 */
export async function createTopics(options: CreateTopicsOptions): Promise<CreatedTopics> {
  const { kafka_max_message_bytes: allowed_bytes = Number.POSITIVE_INFINITY } = options;
  const client = createClient(options, { client_id: 'assay-topics', request_timeout_ms: REQUEST_TIMEOUT_MS });
  const admin = client.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const named = TOPICS.map((definition) => ({
      definition,
      topic: topicName(options.kafka_topic_prefix, definition.type),
    }));
    const missing = named.filter(({ topic }) => !existing.has(topic));
    await create(admin, {
      waitForLeaders: true,
      topics: missing.map(({ definition, topic }) => ({
        topic,
        numPartitions: definition.partitions,
        replicationFactor: options.kafka_replication_factor,
        configEntries: [
          { name: 'retention.ms', value: String(definition.retention_ms) },
          { name: 'max.message.bytes', value: String(Math.min(definition.max_message_bytes, allowed_bytes)) },
        ],
      })),
    });
    const kept = named.filter(({ topic }) => existing.has(topic));
    return { created: missing.map(({ topic }) => topic), extended: await extend(admin, kept) };
  } finally {
    await admin.disconnect();
  }
}

/**
 * Makes topics and waits until they are led. A busy broker may not know at once what it has just made, for which kafkajs does
 * not wait: then this asks for them until it does, or the time of a request is over.
 */
async function create(admin: Admin, request: Parameters<Admin['createTopics']>[0]): Promise<void> {
  const until_ms = performance.now() + REQUEST_TIMEOUT_MS;
  const topics = request.topics.map(({ topic }) => topic);
  let ask = async (): Promise<unknown> => admin.createTopics(request);
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if ((error as { type?: unknown }).type !== 'UNKNOWN_TOPIC_OR_PARTITION' || performance.now() > until_ms)
        throw error;
      ask = async () => admin.fetchTopicMetadata({ topics });
      await pause(UNKNOWN_BACKOFF_MS);
    }
  }
}

async function extend(
  admin: Admin,
  kept: readonly { topic: string; definition: { partitions: number } }[],
): Promise<string[]> {
  if (kept.length === 0) return [];
  const { topics } = await admin.fetchTopicMetadata({ topics: kept.map(({ topic }) => topic) });
  const small = kept.filter(
    ({ topic, definition }) =>
      (topics.find(({ name }) => name === topic)?.partitions.length ?? 0) < definition.partitions,
  );
  if (small.length > 0) {
    await admin.createPartitions({
      topicPartitions: small.map(({ topic, definition }) => ({ topic, count: definition.partitions })),
    });
  }
  return small.map(({ topic }) => topic);
}
