import { type EventType, topicName } from '@assay/contracts';
import type { Kafka } from 'kafkajs';
import { readTopic } from './read-topic.js';

const REQUEST_RECORDS = 200;

/** As after an offset reset, and worse: the whole topic again, the newest first (GEN-2, GEN-9). */
export async function redeliver(kafka: Kafka, topic_prefix: string, type: EventType): Promise<void> {
  const topic = topicName(topic_prefix, type);
  const records = (await readTopic(kafka, topic)).reverse();
  const producer = kafka.producer();
  await producer.connect();
  try {
    for (let from = 0; from < records.length; from += REQUEST_RECORDS) {
      const messages = records
        .slice(from, from + REQUEST_RECORDS)
        .map(({ headers, key, value }) => ({ headers, key, value }));
      await producer.send({ topic, messages });
    }
  } finally {
    await producer.disconnect();
  }
}
