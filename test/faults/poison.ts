import { randomBytes } from 'node:crypto';
import type { Kafka, Message } from 'kafkajs';
import { type EventType, topicName, TOPICS } from '@assay/contracts';

/** Services that park a record of a topic and announce it; dead-letter parks without announcing (DLQ-4). */
const ANNOUNCERS: Partial<Record<EventType, number>> = {
  'review.submitted': 1,
  'review.validated': 2,
  'delivery.settled': 1,
  'stage.delayed': 1,
  'stage.dead_lettered': 1,
  'replay.requested': 1,
  'replay.accepted': 1,
};

/** Begins the event id of what is no event. */
export const POISON_ID = 'poison-';

function headersFor(type: EventType, id: string): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: id,
    ce_source: '/elsewhere',
    ce_type: `assay.${type}.v1`,
    ce_subject: 'nobody',
    ce_time: '2026-01-01T00:00:00.000Z',
    'content-type': 'application/json',
  };
}

/** One of each kind: bytes that are no JSON, JSON of another shape, no headers at all, no value. */
function poisonFor(type: EventType): Message[] {
  const headers = headersFor(type, `${POISON_ID}${randomBytes(6).toString('hex')}`);
  return [
    { key: 'demo 1', headers, value: randomBytes(64) },
    { key: 'other 2', headers, value: JSON.stringify({ job_id: 7, generation: 'first' }) },
    { key: 'third 3', value: '{}' },
    { key: 'demo 4', headers, value: null },
  ];
}

/** Resolves to how many dead letters must come of it, at least. Sent once: a record that came twice would be parked twice. */
export async function poisonTopics(kafka: Kafka, topic_prefix: string): Promise<number> {
  const producer = kafka.producer();
  await producer.connect();
  try {
    let announced = 0;
    for (const { type } of TOPICS) {
      const messages = poisonFor(type);
      await producer.send({ topic: topicName(topic_prefix, type), messages });
      announced += messages.length * (ANNOUNCERS[type] ?? 0);
    }
    return announced;
  } finally {
    await producer.disconnect();
  }
}
