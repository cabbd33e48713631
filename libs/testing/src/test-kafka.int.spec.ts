import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, testKafka, type TestKafka } from './index.js';

const UNKNOWN_TOPIC = 'UNKNOWN_TOPIC_OR_PARTITION';

describe('the broker that tests share', () => {
  let kafka: TestKafka;

  beforeAll(async () => {
    kafka = testKafka();
    await kafka.createTopics();
  });
  afterAll(() => kafka.close());

  it('hands a test what it sent to topics of its own', async () => {
    const collector = await kafka.consume('review.settled');
    const producer = kafka.client.producer();
    await producer.connect();
    const headers = { ce_id: 'one' };
    await producer.send({ topic: kafka.topic('review.settled'), messages: [{ key: 'k', value: '{"a":1}', headers }] });
    await producer.disconnect();
    await eventually(() => expect(collector.records).toHaveLength(1));
    expect(collector.records[0]).toMatchObject({ key: 'k', headers: { ce_id: 'one' } });
    expect(collector.records[0]?.json()).toEqual({ a: 1 });
  });

  it('has no topic that nobody created', async () => {
    const admin = kafka.client.admin();
    await admin.connect();
    const topic = `${kafka.topic_prefix}.nobody`;
    await expect(admin.fetchTopicMetadata({ topics: [topic] })).rejects.toMatchObject({ type: UNKNOWN_TOPIC });
    expect(await admin.listTopics()).not.toContain(topic);
    await admin.disconnect();
  });
});
