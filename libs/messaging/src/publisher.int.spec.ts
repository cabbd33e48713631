import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import kafkajs from 'kafkajs';
import { join } from 'node:path';
import { renderMetrics } from '@assay/observability';
import { eventually, testKafka, testRun } from '@assay/testing';
import type { TestKafka } from '@assay/testing';
import { StackHost } from '../../../infra/local/host-client.js';
import { repositoryRoot } from '../../../infra/local/repository.js';
import { createTopics } from './create-topics.js';
import { KafkaPublisher } from './kafka-publisher.js';
import { delayedEvent, Ear, messagingStage, submittedEvent } from './messaging.fixture.js';

jest.setTimeout(90_000);

const MIB = 1024 * 1024;
const publishers: KafkaPublisher[] = [];

function publisherTo(brokers: string, kafka_topic_prefix: string, timeout_ms = 4_000): KafkaPublisher {
  const config = {
    ...{ kafka_brokers: [brokers], kafka_topic_prefix, instance: 'spec' },
    ...{ kafka_publish_timeout_ms: timeout_ms, kafka_publish_in_flight_bytes: 4 * MIB },
  };
  const publisher = new KafkaPublisher(config, 'validator');
  publishers.push(publisher);
  return publisher;
}

/** Resolves once an event is acknowledged; partitions of a broker that has just started have no leader for a moment. */
function published(publisher: KafkaPublisher, code: string): Promise<void> {
  return eventually(
    async () => {
      expect(await publisher.publish([delayedEvent(code)])).toEqual([{ kind: 'acked' }]);
    },
    { within_ms: 30_000 },
  );
}

afterEach(async () => {
  await Promise.all(publishers.splice(0).map((publisher) => publisher.close()));
});

describe('the publisher', () => {
  let kafka: TestKafka;

  beforeAll(async () => {
    kafka = testKafka();
    await kafka.createTopics();
  });
  afterAll(() => kafka.close());

  it('publishes an event as a CloudEvent under its key', async () => {
    const collector = await kafka.consume('stage.delayed');
    const event = delayedEvent('sent');
    expect(await publisherTo(kafka.brokers, kafka.topic_prefix).publish([event])).toEqual([{ kind: 'acked' }]);
    await eventually(() => expect(collector.records).toHaveLength(1));
    const [record] = collector.records;
    expect(record).toMatchObject({ key: 'acme sent', headers: { ce_id: event.id, traceparent: event.traceparent } });
    expect(record!.value).toEqual(event.data);
  });

  it('WQ-1.i rejects what schema or size refuse for ever, and publishes its neighbours', async () => {
    const publisher = publisherTo(kafka.brokers, kafka.topic_prefix);
    const broken = { ...delayedEvent('broken'), value: undefined, data: Buffer.from('{"job_id":1}') };
    const torn = { ...delayedEvent('torn'), value: undefined, data: Buffer.from('{') };
    const unknown = { ...delayedEvent('unknown'), type: 'stage.invented' as 'stage.delayed' };
    const results = await publisher.publish([
      ...[delayedEvent('fine'), broken, torn, unknown],
      ...[submittedEvent(17 * MIB), delayedEvent('fine too')],
    ]);
    expect(
      results.map((result) => (result.kind === 'acked' ? 'acked' : `${result.kind} ${result.failure.code}`)),
    ).toEqual([
      'acked',
      'rejected schema_violation',
      'rejected schema_violation',
      'rejected unknown_event_type',
      'rejected record_too_large',
      'acked',
    ]);
    expect(publisher.available).toBe(true);
  });

  it('WQ-1.i finds the one record that the broker refuses among those that shared its request', async () => {
    const prefix = `${kafka.topic_prefix}-small`;
    const admin = kafka.client.admin();
    await admin.connect();
    const topic = `${prefix}.stage.delayed.v1`;
    const configEntries = [{ name: 'max.message.bytes', value: '4000' }];
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }], waitForLeaders: true });
    const publisher = publisherTo(kafka.brokers, prefix);
    const large = delayedEvent('large', { summary: null, code: 'c'.repeat(5_000) });
    const events = [delayedEvent('a'), delayedEvent('b'), large, delayedEvent('c')];
    const results = await publisher.publish(events);
    expect(results.map(({ kind }) => kind)).toEqual(['acked', 'acked', 'rejected', 'acked']);
    expect(results[2]).toMatchObject({ failure: { code: 'kafka_message_too_large', retryable: false } });
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
  });

  it('sends what many publish at once in few requests', async () => {
    const publisher = publisherTo(kafka.brokers, kafka.topic_prefix);
    await publisher.publish([delayedEvent('first')]);
    const before = await requests();
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, n) => publisher.publish([delayedEvent(`n${n}`)])),
    );
    expect(results.flat().every(({ kind }) => kind === 'acked')).toBe(true);
    expect((await requests()) - before).toBeLessThanOrEqual(3);
  });

  it('says that a topic which nobody made is unavailable, and only that', async () => {
    const publisher = publisherTo(kafka.brokers, kafka.topic_prefix);
    const nowhere = publisherTo(kafka.brokers, `${kafka.topic_prefix}-nowhere`);
    const [result] = await nowhere.publish([delayedEvent('lost')]);
    expect(result).toMatchObject({ kind: 'unavailable', failure: { retryable: true } });
    expect(await publisher.publish([delayedEvent('found')])).toEqual([{ kind: 'acked' }]);
  });

  it('makes the topics of the contract, adds partitions, and finds nothing to do the second time', async () => {
    const kafka_topic_prefix = `${kafka.topic_prefix}-made`;
    const admin = kafka.client.admin();
    await admin.connect();
    const small = `${kafka_topic_prefix}.review.settled.v1`;
    await admin.createTopics({ topics: [{ topic: small, numPartitions: 1 }], waitForLeaders: true });
    const options = {
      ...{ kafka_brokers: [kafka.brokers], kafka_topic_prefix, kafka_replication_factor: -1 },
      kafka_max_message_bytes: 2 * MIB,
    };
    const made = await createTopics(options);
    expect(made.created).toContain(`${kafka_topic_prefix}.review.submitted.v1`);
    expect(made.created).not.toContain(small);
    expect(made.extended).toEqual([small]);
    const { topics } = await eventually(async () => {
      const found = await admin.fetchTopicMetadata({ topics: [...made.created, small] });
      expect(found.topics.map(({ partitions }) => partitions.length)).toEqual(found.topics.map(() => 4));
      return found;
    });
    expect(await createTopics(options)).toEqual({ created: [], extended: [] });
    const sizes = await Promise.all(
      ['review.submitted', 'review.cancelled'].map(async (type) => {
        const name = `${kafka_topic_prefix}.${type}.v1`;
        const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames: ['max.message.bytes'] }];
        const described = await admin.describeConfigs({ resources, includeSynonyms: false });
        return Number(described.resources[0]!.configEntries[0]!.configValue);
      }),
    );
    expect(sizes).toEqual([2 * MIB, MIB]);
    await admin.deleteTopics({ topics: topics.map(({ name }) => name) });
    await admin.disconnect();
  });

  async function requests(): Promise<number> {
    const [, count] = /assay_kafka_publish_seconds_count(?:\{[^}]*\})? (\d+)/.exec(await renderMetrics()) ?? [];
    return Number(count);
  }
});

describe('a record of 10 MiB', () => {
  let stage: Awaited<ReturnType<typeof messagingStage>>;

  beforeAll(async () => {
    stage = await messagingStage();
  });
  afterAll(() => stage.close());

  it('travels through publisher, broker and consumer', async () => {
    const ear = new Ear();
    const { publisher } = await stage.member(ear);
    const big = submittedEvent(10 * MIB);
    const results = await publisher.publish([submittedEvent(10), big, submittedEvent(20)]);
    expect(results.map(({ kind }) => kind)).toEqual(['acked', 'acked', 'acked']);
    await eventually(() => expect(ear.submissions).toHaveLength(3));
    expect(ear.submissions.map(({ bytes }) => bytes.length)).toContain(big.data.length);
  });
});

describe('while the broker is away', () => {
  let host: StackHost;

  beforeAll(async () => {
    const log_directory = join(repositoryRoot(), '.local', 'logs', 'publisher-spec');
    host = await StackHost.launch(testRun().build, { services: null, durable: false, log_directory }, () => undefined);
    const kafka_brokers = [host.address.kafka.brokers];
    await createTopics({ kafka_brokers, kafka_topic_prefix: 'away', kafka_replication_factor: -1 });
  });
  afterAll(() => host.stop());

  it('GEN-10.a answers unavailable within its time when the broker hangs, and recovers', async () => {
    const publisher = publisherTo(host.address.kafka.brokers, 'away', 1_500);
    await published(publisher, 'before');
    const { pid } = host.address.kafka;
    process.kill(pid, 'SIGSTOP');
    const begun_at = performance.now();
    const results = await Promise.all(['a', 'b', 'c'].map((code) => publisher.publish([delayedEvent(code)])));
    expect(performance.now() - begun_at).toBeLessThan(2_500);
    process.kill(pid, 'SIGCONT');
    expect(results.flat().map(({ kind }) => kind)).toEqual(['unavailable', 'unavailable', 'unavailable']);
    await published(publisher, 'after');
  });

  it('answers unavailable within its time, and publishes again once the broker is back', async () => {
    const publisher = publisherTo(host.address.kafka.brokers, 'away', 1_500);
    await published(publisher, 'before');
    const restarting = host.restart('kafka', 2_000);
    await eventually(async () => {
      const begun_at = performance.now();
      const [result] = await publisher.publish([delayedEvent('during')]);
      expect(performance.now() - begun_at).toBeLessThan(2_500);
      expect(result).toMatchObject({ kind: 'unavailable', failure: { retryable: true } });
    });
    expect(publisher.available).toBe(false);
    await restarting;
    await published(publisher, 'after');
    expect(publisher.available).toBe(true);
  });

  it('starts without it, and connects once it is there', async () => {
    const restarting = host.restart('kafka', 1_000);
    const publisher = publisherTo(host.address.kafka.brokers, 'away', 1_500);
    await published(publisher, 'at last');
    await restarting;
  });
});
