import { randomBytes } from 'node:crypto';
import { eventually } from '@assay/testing';
import type { Kafka, KafkaMessage } from 'kafkajs';

/** Every record that stands on a topic now, by a group of its own. */
export async function readTopic(kafka: Kafka, topic: string): Promise<KafkaMessage[]> {
  const left = await ends(kafka, topic);
  const records: KafkaMessage[] = [];
  if (left.size === 0) return records;
  const consumer = kafka.consumer({ groupId: `reader-${randomBytes(6).toString('hex')}` });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => (payload.restart ? undefined : reject(payload.error)));
      void consumer.run({
        eachMessage: ({ message, partition }) => {
          const end = left.get(partition);
          if (end === undefined) return Promise.resolve();
          records.push(message);
          if (BigInt(message.offset) + 1n >= end) left.delete(partition);
          if (left.size === 0) resolve();
          return Promise.resolve();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return records;
}

/**
 * Where each partition ends now; those that hold nothing are left out. Asked again, by a client that knows nothing yet,
 * when a broker that has just come back is not its partitions' leader: kafkajs does not ask twice here.
 */
function ends(kafka: Kafka, topic: string): Promise<Map<number, bigint>> {
  return eventually(
    async () => {
      const admin = kafka.admin();
      await admin.connect();
      try {
        const offsets = await admin.fetchTopicOffsets(topic);
        return new Map(
          offsets.map(({ high, partition }) => [partition, BigInt(high)] as const).filter(([, high]) => high > 0n),
        );
      } finally {
        await admin.disconnect();
      }
    },
    { within_ms: 60_000 },
  );
}
