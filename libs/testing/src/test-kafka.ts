import { randomBytes } from 'node:crypto';
import { type EventType, TOPICS, topicName } from '@assay/contracts';
import { type IHeaders, type ISocketFactory, Kafka, logLevel } from 'kafkajs';
import { connect, type Socket } from 'node:net';
import { eventually } from './eventually.js';
import { testRun } from './test-run.js';

/** Two show that nothing relies on one; more only cost time. */
const TEST_PARTITIONS = 2;

export interface CollectedRecord {
  key: string | null;
  headers: Record<string, string>;
  value: Buffer | null;
  partition: number;
  offset: string;
  /** The value, parsed. */
  json<T>(): T;
}

export interface Collector {
  /** What has come so far, oldest first within a partition. */
  readonly records: readonly CollectedRecord[];
  close(): Promise<void>;
}

/** The shared broker, with topics of the test file's own. */
export interface TestKafka {
  readonly brokers: string;
  readonly topic_prefix: string;
  /** A plain client, for what the test itself sends and reads. */
  readonly client: Kafka;
  topic(type: EventType): string;
  /** Creates every topic of the contract under this file's prefix. */
  createTopics(): Promise<void>;
  /** Reads a topic from its beginning with a plain consumer; resolves once that has joined its group. */
  consume(type: EventType): Promise<Collector>;
  /** Deletes the topics and closes what is still open. */
  close(): Promise<void>;
}

export function plainHeaders(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

async function collect(client: Kafka, topic: string, group: string): Promise<Collector> {
  const records: CollectedRecord[] = [];
  const consumer = client.consumer({ groupId: group, sessionTimeout: 6_000, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.run({
    eachMessage: ({ message, partition }) => {
      const { key, offset, value } = message;
      records.push({
        key: key?.toString() ?? null,
        headers: plainHeaders(message.headers),
        value,
        partition,
        offset,
        json: <T>() => JSON.parse(value?.toString() ?? 'null') as T,
      });
      return Promise.resolve();
    },
  });
  await joined;
  return { records, close: () => consumer.disconnect() };
}

/**
 * The sockets of a test file's plain clients. A consumer that kafkajs starts again on a busy machine while it is being
 * disconnected goes on behind the test's back and would outlive the file.
 */
class PlainSockets {
  readonly #open = new Set<Socket>();
  closed = false;

  readonly open: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect).setNoDelay(true);
    if (this.closed) return socket.destroy();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  close(): void {
    this.closed = true;
    for (const socket of this.#open) socket.destroy();
  }
}

export function testKafka(): TestKafka {
  const { brokers } = testRun().address.kafka;
  const topic_prefix = `t${randomBytes(6).toString('hex')}`;
  const sockets = new PlainSockets();
  const client = new Kafka({
    ...{ brokers: [brokers], clientId: topic_prefix, logLevel: logLevel.NOTHING, socketFactory: sockets.open },
    retry: { restartOnFailure: () => Promise.resolve(!sockets.closed) },
  });
  const topic = (type: EventType): string => topicName(topic_prefix, type);
  const collectors: Collector[] = [];
  let created = false;
  let groups = 0;

  async function asAdmin(work: (admin: ReturnType<Kafka['admin']>) => Promise<unknown>): Promise<void> {
    const admin = client.admin();
    await admin.connect();
    try {
      await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  return {
    brokers,
    topic_prefix,
    client,
    topic,
    createTopics: async () => {
      const topics = TOPICS.map((definition) => ({
        topic: topic(definition.type),
        numPartitions: TEST_PARTITIONS,
        replicationFactor: 1,
        configEntries: [{ name: 'max.message.bytes', value: String(definition.max_message_bytes) }],
      }));
      await asAdmin(async (admin) => {
        try {
          await admin.createTopics({ topics, waitForLeaders: true });
        } catch (error) {
          if ((error as { type?: unknown }).type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
          // They are made; a busy broker does not know them yet, for which kafkajs does not wait.
          const names = topics.map(({ topic: name }) => name);
          await eventually(() => admin.fetchTopicMetadata({ topics: names }));
        }
      });
      created = true;
    },
    consume: async (type) => {
      const collector = await collect(client, topic(type), `${topic_prefix}-collector-${groups++}`);
      collectors.push(collector);
      return collector;
    },
    close: async () => {
      await Promise.all(collectors.map((each) => each.close()));
      if (created) await asAdmin((admin) => admin.deleteTopics({ topics: TOPICS.map((each) => topic(each.type)) }));
      sockets.close();
    },
  };
}
