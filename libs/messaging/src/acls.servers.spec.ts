import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SERVICE_NAMES, topicName, TOPICS } from '@assay/contracts';
import type { ServiceName } from '@assay/contracts';
import { fixedSecret } from '@assay/security';
import { eventually, secureKafka } from '@assay/testing';
import type { SecureKafka } from '@assay/testing';
import kafkajs, { Kafka, logLevel } from 'kafkajs';
import type { Consumer, ConsumerCrashEvent } from 'kafkajs';
import { aclEntries, grantsOf, groupName } from './acls.js';
import { createTopics } from './create-topics.js';
import { delayedEvent, Ear, messagingStage } from './messaging.fixture.js';
import type { Member, MessagingStage } from './messaging.fixture.js';
import { refusalIn } from './refusals.js';

const { AclPermissionTypes, ResourcePatternTypes } = kafkajs;

jest.setTimeout(180_000);

describe('the ACLs of the services', () => {
  let kafka: SecureKafka;
  let stage: MessagingStage;
  const members: Member[] = [];

  beforeAll(async () => {
    kafka = await secureKafka();
    await kafka.asAdmin((admin) => admin.createAcls({ acl: aclEntries(grantsOf(kafka.topic_prefix)) }));
    await createTopics({
      ...{ kafka_brokers: [kafka.mtls], kafka_topic_prefix: kafka.topic_prefix, kafka_replication_factor: 1 },
      ...accessOf('topics'),
    });
    stage = await messagingStage();
  });
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.stop()));
  });
  afterAll(async () => {
    await stage.close();
    await kafka.close();
  });

  function accessOf(service: ServiceName | 'topics') {
    const { cert, key } = kafka.authority.issue(`assay-${service}`);
    return {
      ...{ kafka_tls: true, kafka_tls_ca: fixedSecret(kafka.authority.ca) },
      ...{ kafka_tls_certificate: fixedSecret(cert), kafka_tls_key: fixedSecret(key) },
    };
  }

  /** Past every part of ours: what the broker itself lets the principal do. */
  function clientOf(service: ServiceName): Kafka {
    const { cert, key } = kafka.authority.issue(`assay-${service}`);
    return new Kafka({
      ...{ brokers: [kafka.mtls], logLevel: logLevel.NOTHING, retry: { retries: 1, initialRetryTime: 50 } },
      ssl: { ca: kafka.authority.ca, cert, key },
    });
  }

  const codeOf = (error: unknown): string => refusalIn(error)?.code ?? String(error);

  async function writes(service: ServiceName): Promise<Record<string, string>> {
    const producer = clientOf(service).producer({ allowAutoTopicCreation: false });
    await producer.connect();
    const outcomes: Record<string, string> = {};
    for (const { type } of TOPICS) {
      const messages = [{ key: 'key', value: '{}' }];
      const sent = producer.send({ topic: topicName(kafka.topic_prefix, type), messages });
      outcomes[type] = await sent.then(() => 'written', codeOf);
    }
    await producer.disconnect();
    return outcomes;
  }

  async function reads(service: ServiceName): Promise<Record<string, string>> {
    const outcomes: Record<string, string> = {};
    for (const { type } of TOPICS) outcomes[type] = await readsFrom(service, topicName(kafka.topic_prefix, type));
    return outcomes;
  }

  async function readsFrom(service: ServiceName, topic: string): Promise<string> {
    const groupId = groupName(kafka.topic_prefix, service);
    const consumer = clientOf(service).consumer({
      groupId,
      maxWaitTimeInMs: 50,
      retry: { retries: 5, initialRetryTime: 50 },
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      return await firstNews(consumer);
    } catch (error) {
      return codeOf(error);
    } finally {
      await consumer.disconnect();
    }
  }

  /** What came of the first fetch. */
  function firstNews(consumer: Consumer): Promise<string> {
    return new Promise((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }: ConsumerCrashEvent) => {
        // A broker that has just started loads its groups for a moment.
        if (!payload.restart) resolve(codeOf(payload.error));
      });
      consumer.on(consumer.events.FETCH, () => resolve('read'));
      consumer.run({ eachBatch: () => Promise.resolve() }).catch(reject);
    });
  }

  const REFUSED = 'kafka_topic_authorization_failed';

  it.each(SERVICE_NAMES.map((name) => [name]))(
    'SEC-7.g let %s write to its topics and to no other',
    async (service) => {
      const expected = TOPICS.map(({ type, producers }) => [type, producers.includes(service) ? 'written' : REFUSED]);
      expect(await writes(service)).toEqual(Object.fromEntries(expected));
    },
  );

  it.each(SERVICE_NAMES.map((name) => [name]))(
    'SEC-7.g let %s read from its topics and from no other',
    async (service) => {
      const expected = TOPICS.map(({ type, consumers }) => [type, consumers.includes(service) ? 'read' : REFUSED]);
      expect(await reads(service)).toEqual(Object.fromEntries(expected));
    },
  );

  async function memberAs(service: ServiceName, kafka_group: string | null): Promise<Member> {
    const cluster = { kafka_brokers: [kafka.mtls], kafka_topic_prefix: kafka.topic_prefix };
    const member = await stage.member(new Ear(), {
      service,
      settings: { ...cluster, kafka_group, ...accessOf(service) },
    });
    members.push(member);
    return member;
  }

  async function checksOf({ probes_url }: Member): Promise<Record<string, object>> {
    return ((await (await fetch(`${probes_url}/readyz`)).json()) as { checks: Record<string, object> }).checks;
  }

  it("SEC-7.g refuse a service another's group, and say so by name", async () => {
    const member = await memberAs('ingest', groupName(kafka.topic_prefix, 'notifier'));
    await eventually(async () => {
      expect((await checksOf(member)).kafka).toMatchObject({
        code: 'kafka_group_authorization_failed',
        detail: expect.stringContaining('ASSAY_KAFKA_GROUP'),
      });
    });
  });

  it('SEC-7.g are taken without a restart once they are granted', async () => {
    // Its handlers also want review.submitted, which is the validator's.
    const member = await memberAs('ingest', null);
    await eventually(async () => expect((await checksOf(member)).kafka).toMatchObject({ code: REFUSED }));
    expect(await member.publisher.publish([delayedEvent('not its own')])).toMatchObject([
      { failure: { code: REFUSED } },
    ]);
    expect(await checksOf(member)).toMatchObject({ kafka_publishing: { ok: false, code: REFUSED } });
    const more = grantsOf(kafka.topic_prefix).filter(({ to, name }) => to === 'validator' && name.includes('.review.'));
    const acl = aclEntries(
      more.map((grant) => ({ ...grant, operations: ['READ', 'DESCRIBE'], principal: 'User:assay-ingest' })),
    );
    await kafka.asAdmin((admin) => admin.createAcls({ acl }));
    await eventually(async () => expect((await checksOf(member)).kafka).toEqual({ ok: true }), { within_ms: 40_000 });
    await kafka.asAdmin((admin) =>
      admin.deleteAcls({
        filters: acl.map((entry) => ({
          ...entry,
          permissionType: AclPermissionTypes.ALLOW,
          resourcePatternType: ResourcePatternTypes.LITERAL,
        })),
      }),
    );
  });
});
