import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { eventually } from '@assay/testing';
import kafkajs from 'kafkajs';
import { aSubmission, ingestFixture } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';

const LIMIT = 200_000;

describe('topics that are not as the list has them', () => {
  let fixture: IngestFixture;
  let replica: Replica;
  const lines: LogLine[] = [];
  let endSink: () => void;

  beforeAll(async () => {
    fixture = await ingestFixture();
    const admin = fixture.kafka.client.admin();
    await admin.connect();
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: fixture.kafka.topic('review.submitted'),
          configEntries: [{ name: 'max.message.bytes', value: String(LIMIT) }],
        },
      ],
    });
    await admin.deleteTopics({ topics: [fixture.kafka.topic('review.cancelled')] });
    await eventually(async () => {
      expect(await admin.listTopics()).not.toContain(fixture.kafka.topic('review.cancelled'));
    });
    await admin.disconnect();
    endSink = addLogSink((line) => lines.push(line));
    replica = await fixture.start();
  }, 60_000);
  afterAll(async () => {
    endSink();
    // The fixture removes every topic of the contract.
    const admin = fixture.kafka.client.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: fixture.kafka.topic('review.cancelled') }] });
    await admin.disconnect();
    await fixture.close();
  });

  it('OPS-6.f refuses at the door, with 413, what the topic of submissions would not take, and passes on what it takes', async () => {
    const collector = await fixture.kafka.consume('review.submitted');
    const sized = (bytes: number) => aSubmission({ review_result: 'x'.repeat(bytes) });
    const refused = await replica.post(sized(LIMIT)).expect(413);
    const limit = Number(/at most (\d+) bytes/.exec((refused.body as { detail: string }).detail)?.[1]);
    expect(refused.body).toMatchObject({
      code: 'payload_too_large',
      detail: expect.stringContaining('max.message.bytes'),
    });
    const frame = JSON.stringify(aSubmission({ review_result: '' })).length + 4;
    await replica.post(sized(limit - frame)).expect(202);
    await eventually(() => expect(collector.records).toHaveLength(1));
    expect(collector.records[0]!.value!.length).toBeGreaterThan(LIMIT * 0.95);
  });

  it('OPS-6.f says at start, by name, which topic is missing, takes too little or has few partitions', async () => {
    const said = lines.find(({ event }) => event === 'topics_differ');
    const details = (said?.differences as { code: string; detail: string }[]).map(
      ({ code, detail }) => `${code}: ${detail}`,
    );
    const named = (type: 'review.submitted' | 'review.cancelled') => fixture.kafka.topic(type);
    expect(details).toContain(`topic_missing: ${named('review.cancelled')} is missing`);
    expect(details).toContain(
      `topic_too_small: ${named('review.submitted')} takes records of ${LIMIT} bytes (max.message.bytes), not ${16 * 1024 * 1024}`,
    );
    expect(details).toContain(`topic_has_few_partitions: ${named('review.submitted')} has 2 partitions, not 4`);
    const { body } = await replica.probe('/readyz').expect(200);
    expect((body as { checks: object }).checks).toMatchObject({
      kafka_topics: { ok: false, code: 'topic_too_small', detail: expect.stringContaining(named('review.cancelled')) },
    });
  });
});
