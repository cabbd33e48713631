import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { defineSettings, readSettings } from '@assay/service';
import { eventually, privateAuthority, SCRAM_SESSION_MS, SECURE_KAFKA_PASSWORDS, secureKafka } from '@assay/testing';
import type { SecureKafka } from '@assay/testing';
import { KAFKA_ACCESS_SETTINGS, kafkaAccessFaults } from './access-settings.js';
import { createTopics } from './create-topics.js';
import { KafkaPublisher } from './kafka-publisher.js';
import { delayedEvent, Ear, messagingStage } from './messaging.fixture.js';
import type { Member, MessagingStage } from './messaging.fixture.js';

jest.setTimeout(120_000);

const CLIENT_SECRET = 'frank-at-the-issuer';
const { bob, dave, erin } = SECURE_KAFKA_PASSWORDS;

type Variables = Record<string, string>;

describe('a broker that lets in by TLS and login only', () => {
  let kafka: SecureKafka;
  let stage: MessagingStage;
  let directory: string;
  let lines: LogLine[];
  let endSink: () => void;
  let files = 0;
  const members: Member[] = [];
  const publishers: KafkaPublisher[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'assay-access-'));
    kafka = await secureKafka();
    await kafka.createTopics(kafka.topic_prefix);
    await kafka.open(kafka.topic_prefix);
    stage = await messagingStage();
    lines = [];
    endSink = addLogSink((line) => lines.push(line));
  });
  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.stop()));
    await Promise.all(publishers.splice(0).map((publisher) => publisher.close()));
    kafka.issuer.refusal = null;
    kafka.issuer.audience = 'kafka';
    kafka.issuer.life_s = 3_600;
  });
  afterAll(async () => {
    endSink();
    await stage.close();
    await kafka.close();
    rmSync(directory, { recursive: true });
  });

  /** The reference to a file of this content. */
  function kept(content: string): string {
    const path = join(directory, `${++files}`);
    writeFileSync(path, content);
    return `file:${path}`;
  }

  const trusting = (): Variables => ({ ASSAY_KAFKA_TLS: 'true', ASSAY_KAFKA_TLS_CA: kept(kafka.authority.ca) });

  function byCertificate(): Variables {
    const { cert, key } = kafka.authority.issue('alice');
    return { ...trusting(), ASSAY_KAFKA_TLS_CERTIFICATE: kept(cert), ASSAY_KAFKA_TLS_KEY: kept(key) };
  }

  function byPassword(mechanism: string, user: string, password: string): Variables {
    return {
      ...trusting(),
      ASSAY_KAFKA_SASL_MECHANISM: mechanism,
      ASSAY_KAFKA_SASL_USER: kept(user),
      ASSAY_KAFKA_SASL_PASSWORD: kept(`${password}\n`),
    };
  }

  function byToken(): Variables {
    return {
      ...trusting(),
      ASSAY_KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
      ASSAY_KAFKA_OAUTH_TOKEN_URL: `${kafka.issuer.url}/token`,
      ASSAY_KAFKA_OAUTH_CLIENT_ID: 'frank',
      ASSAY_KAFKA_OAUTH_CLIENT_SECRET: kept(CLIENT_SECRET),
      ASSAY_KAFKA_OAUTH_SCOPE: 'kafka',
      ASSAY_KAFKA_OAUTH_EXTENSIONS: 'logicalCluster=lkc-1,identityPoolId=pool-1',
    };
  }

  const accessOf = (env: Variables) => readSettings(defineSettings(KAFKA_ACCESS_SETTINGS, kafkaAccessFaults), env);

  const settingsOf = (brokers: string, env: Variables) => ({
    ...{ kafka_brokers: [brokers], kafka_topic_prefix: kafka.topic_prefix },
    ...accessOf(env),
  });

  async function serviceAt(brokers: string, env: Variables): Promise<{ member: Member; ear: Ear }> {
    const ear = new Ear();
    const kafka_group = `${kafka.topic_prefix}.${++files}`;
    const member = await stage.member(ear, { settings: { ...settingsOf(brokers, env), kafka_group } });
    members.push(member);
    return { member, ear };
  }

  function publisherAt(brokers: string, env: Variables): KafkaPublisher {
    const publisher = new KafkaPublisher(
      {
        ...{ instance: 'spec', kafka_publish_timeout_ms: 8_000, kafka_publish_in_flight_bytes: 4_000_000 },
        ...settingsOf(brokers, env),
      },
      'validator',
    );
    publishers.push(publisher);
    return publisher;
  }

  async function readiness({ probes_url }: Member): Promise<{ status: number; checks: Record<string, object> }> {
    const answer = await fetch(`${probes_url}/readyz`);
    return { status: answer.status, checks: ((await answer.json()) as { checks: Record<string, object> }).checks };
  }

  const ways: [string, () => [string, Variables]][] = [
    ['TLS with a client certificate', () => [kafka.mtls, byCertificate()]],
    ['TLS and SASL PLAIN', () => [kafka.sasl, byPassword('PLAIN', 'bob', bob)]],
    ['TLS and SASL SCRAM-SHA-256', () => [kafka.sasl, byPassword('SCRAM-SHA-256', 'dave', dave)]],
    ['TLS and SASL SCRAM-SHA-512', () => [kafka.sasl, byPassword('SCRAM-SHA-512', 'erin', erin)]],
    ['TLS and SASL OAUTHBEARER', () => [kafka.sasl, byToken()]],
  ];

  it.each(ways)('SEC-7.b, OPS-6.e publishes and consumes by %s', async (way, at) => {
    const { member, ear } = await serviceAt(...at());
    await member.server.joined;
    expect(await member.publisher.publish([delayedEvent(way)])).toEqual([{ kind: 'acked' }]);
    await eventually(() => expect(ear.codes).toContain(way));
    expect(await readiness(member)).toMatchObject({
      status: 200,
      checks: { kafka: { ok: true }, kafka_publishing: { ok: true } },
    });
  });

  it('SEC-7.b makes topics by the same settings', async () => {
    const prefix = `${kafka.topic_prefix}-made`;
    await kafka.open(prefix);
    const access = accessOf(byPassword('SCRAM-SHA-512', 'erin', erin));
    const options = { kafka_brokers: [kafka.sasl], kafka_topic_prefix: prefix, kafka_replication_factor: 1, ...access };
    expect((await createTopics(options)).created).toContain(`${prefix}.review.submitted.v1`);
  });

  it('SEC-7.b verifies the broker under the name that is set, where it is reached by another', async () => {
    const named = publisherAt(kafka.sasl, {
      ...byPassword('PLAIN', 'bob', bob),
      ASSAY_KAFKA_TLS_SERVER_NAME: 'localhost',
    });
    expect(await named.publish([delayedEvent('named')])).toEqual([{ kind: 'acked' }]);
  });

  const refusals: [string, () => [string, Variables], string, RegExp][] = [
    [
      'a broker of another authority',
      () => [
        kafka.sasl,
        { ...byPassword('PLAIN', 'bob', bob), ASSAY_KAFKA_TLS_CA: kept(privateAuthority('other').ca) },
      ],
      'kafka_tls_failed',
      /not trusted; see ASSAY_KAFKA_TLS_CA \(/,
    ],
    [
      'a broker of another name',
      () => [kafka.sasl, { ...byPassword('PLAIN', 'bob', bob), ASSAY_KAFKA_TLS_SERVER_NAME: 'kafka.example' }],
      'kafka_tls_failed',
      /ASSAY_KAFKA_TLS_SERVER_NAME/,
    ],
    [
      'a client without a certificate',
      () => [kafka.mtls, trusting()],
      'kafka_tls_failed',
      /ASSAY_KAFKA_TLS_CERTIFICATE/,
    ],
    [
      'a wrong password by PLAIN',
      () => [kafka.sasl, byPassword('PLAIN', 'bob', dave)],
      'kafka_sasl_authentication_failed',
      /ASSAY_KAFKA_SASL_PASSWORD/,
    ],
    [
      'a wrong password by SCRAM',
      () => [kafka.sasl, byPassword('SCRAM-SHA-512', 'erin', dave)],
      'kafka_sasl_authentication_failed',
      /ASSAY_KAFKA_SASL_PASSWORD/,
    ],
    [
      'a user of the other SCRAM mechanism',
      () => [kafka.sasl, byPassword('SCRAM-SHA-256', 'erin', erin)],
      'kafka_sasl_authentication_failed',
      /ASSAY_KAFKA_SASL_MECHANISM/,
    ],
    [
      'a mechanism that the listener does not have',
      () => [kafka.sasl_plaintext, { ...byPassword('SCRAM-SHA-256', 'dave', dave), ...WITHOUT_TLS }],
      'kafka_sasl_authentication_failed',
      /does not know this mechanism on this listener; see ASSAY_KAFKA_SASL_MECHANISM/,
    ],
    [
      'a listener that takes no login',
      () => [kafka.mtls, { ...byCertificate(), ...byPassword('PLAIN', 'bob', bob) }],
      'kafka_sasl_authentication_failed',
      /takes no login; see ASSAY_KAFKA_SASL_MECHANISM/,
    ],
  ];
  const WITHOUT_TLS = { ASSAY_KAFKA_TLS: 'false', ASSAY_KAFKA_TLS_CA: '' };

  it.each(refusals)('SEC-7.b names the reason and the setting for %s', async (_what, at, code, detail) => {
    const publisher = publisherAt(...at());
    const [result] = await publisher.publish([delayedEvent('refused')]);
    expect(result).toMatchObject({ kind: 'unavailable', failure: { code, retryable: true } });
    expect(publisher.refusals.current).toEqual({ code, detail: expect.stringMatching(detail) });
    await expect(publisher.refusals.assertNone()).rejects.toMatchObject({ code });
  });

  it.each([
    ['with TLS, asked without', () => [kafka.mtls, {}]],
    ['without TLS, asked with it', () => [kafka.sasl_plaintext, byPassword('SCRAM-SHA-512', 'erin', erin)]],
  ] as [string, () => [string, Variables]][])('SEC-7.b gives a hint about a listener %s', async (_what, at) => {
    const before = lines.length;
    const [result] = await publisherAt(...at()).publish([delayedEvent('closed')]);
    expect(result).toMatchObject({ kind: 'unavailable' });
    expect(lines.slice(before)).toContainEqual(
      expect.objectContaining({ event: 'closed_unanswered', see: expect.stringContaining('ASSAY_KAFKA_TLS') }),
    );
  });

  it.each([
    ['with TLS and SASL', () => [kafka.sasl, trusting()]],
    ['with SASL alone', () => [kafka.sasl_plaintext, {}]],
  ] as [string, () => [string, Variables]][])(
    'SEC-7.b names the missing login at a listener %s, in the log and in /readyz, and is not ready',
    async (_what, at) => {
      const before = lines.length;
      const { member } = await serviceAt(...at());
      const told = { code: 'kafka_login_missing', detail: expect.stringContaining('ASSAY_KAFKA_SASL_MECHANISM') };
      await eventually(async () => {
        const checks = { kafka: { ok: false, ...told }, kafka_group_validator: { ok: false, ...told } };
        expect(await readiness(member)).toMatchObject({ status: 503, checks });
      });
      expect(await member.publisher.publish([delayedEvent('without a login')])).toMatchObject([
        { kind: 'unavailable' },
      ]);
      for (const client of ['consumer', 'publisher']) {
        const said = lines.slice(before).filter((line) => line.event === 'refused' && line.client === client);
        expect(said).toEqual([expect.objectContaining(told)]);
      }
    },
  );

  it('SEC-7.b names the reason for a token that the broker does not take, and for one that the issuer does not give', async () => {
    kafka.issuer.audience = 'another';
    const publisher = publisherAt(kafka.sasl, byToken());
    const [refused] = await publisher.publish([delayedEvent('audience')]);
    expect(refused).toMatchObject({ failure: { code: 'kafka_sasl_authentication_failed' } });
    expect(publisher.refusals.current?.detail).toMatch(/does not take the token/);
    kafka.issuer.refusal = { status: 401, error: 'invalid_client' };
    const other = publisherAt(kafka.sasl, byToken());
    const [ungiven] = await other.publish([delayedEvent('ungiven')]);
    expect(ungiven).toMatchObject({ failure: { code: 'kafka_token_refused' } });
    expect(other.refusals.current?.detail).toMatch(/answers invalid_client; see ASSAY_KAFKA_OAUTH_CLIENT_ID/);
  });

  it('SEC-5.g waits, not ready, for a wrong password to be mended, and takes the right one from its file', async () => {
    const env = byPassword('SCRAM-SHA-512', 'erin', 'not-her-password');
    const { member, ear } = await serviceAt(kafka.sasl, env);
    const refused = { ok: false, code: 'kafka_sasl_authentication_failed' };
    expect(await readiness(member)).toMatchObject({
      status: 503,
      checks: { kafka_group_validator: { ...refused, detail: expect.stringContaining('ASSAY_KAFKA_SASL_PASSWORD') } },
    });
    writeFileSync(env.ASSAY_KAFKA_SASL_PASSWORD!.slice('file:'.length), erin);
    await eventually(async () => expect(await readiness(member)).toMatchObject({ status: 200 }), { within_ms: 30_000 });
    await eventually(async () => {
      expect(await member.publisher.publish([delayedEvent('mended')])).toEqual([{ kind: 'acked' }]);
    });
    await eventually(() => expect(ear.codes).toContain('mended'));
    expect(JSON.stringify(lines)).not.toContain('not-her-password');
    expect(lines.filter(({ event }) => event === 'refused').length).toBeGreaterThan(0);
    expect(lines.filter(({ event }) => event === 'admitted').length).toBeGreaterThan(0);
  });

  it('SEC-5.g goes on over a changed password: logs in anew by it before its session ends', async () => {
    const env = byPassword('SCRAM-SHA-512', 'erin', erin);
    const { member, ear } = await serviceAt(kafka.sasl, env);
    await member.server.joined;
    expect(await member.publisher.publish([delayedEvent('before')])).toEqual([{ kind: 'acked' }]);
    const changed = `${erin}-changed`;
    await kafka.setScramPassword('erin', changed);
    writeFileSync(env.ASSAY_KAFKA_SASL_PASSWORD!.slice('file:'.length), changed);
    const changed_at_ms = performance.now();
    // Whoever had not logged in anew by then would be cut off.
    await eventually(
      async () => {
        const code = `after-${Math.round(performance.now() - changed_at_ms)}`;
        expect(await member.publisher.publish([delayedEvent(code)])).toEqual([{ kind: 'acked' }]);
        expect(performance.now() - changed_at_ms).toBeGreaterThan(SCRAM_SESSION_MS * 1.2);
        await eventually(() => expect(ear.codes).toContain(code));
      },
      { within_ms: 60_000 },
    );
    const [old] = await publisherAt(kafka.sasl, byPassword('SCRAM-SHA-512', 'erin', erin)).publish([
      delayedEvent('old'),
    ]);
    expect(old).toMatchObject({ failure: { code: 'kafka_sasl_authentication_failed' } });
    await kafka.setScramPassword('erin', erin);
  });

  it('SEC-5.g goes on over another user: the broker refuses the old sessions, and new ones take their place', async () => {
    const env = byPassword('SCRAM-SHA-512', 'erin', erin);
    const { member, ear } = await serviceAt(kafka.sasl, env);
    await member.server.joined;
    const before = lines.length;
    await kafka.setScramPassword('grace', 'of-grace');
    writeFileSync(env.ASSAY_KAFKA_SASL_USER!.slice('file:'.length), 'grace');
    writeFileSync(env.ASSAY_KAFKA_SASL_PASSWORD!.slice('file:'.length), 'of-grace');
    const refused = () => lines.slice(before).filter(({ event }) => event === 'refused');
    await eventually(() => expect(refused()).not.toEqual([]), { within_ms: 40_000 });
    await eventually(
      async () => {
        const code = `as grace ${lines.length}`;
        expect(await member.publisher.publish([delayedEvent(code)])).toEqual([{ kind: 'acked' }]);
        await eventually(() => expect(ear.codes).toContain(code));
      },
      { within_ms: 60_000 },
    );
    await eventually(async () => expect(await readiness(member)).toMatchObject({ checks: { kafka: { ok: true } } }));
  });

  it('SEC-7.b asks for another token before the first expires, and goes on in the same sessions', async () => {
    kafka.issuer.life_s = 20;
    const { member, ear } = await serviceAt(kafka.sasl, byToken());
    await member.server.joined;
    expect(await member.publisher.publish([delayedEvent('first token')])).toEqual([{ kind: 'acked' }]);
    const given = kafka.issuer.given;
    const begun_at_ms = performance.now();
    const results: string[] = [];
    await eventually(
      async () => {
        const [result] = await member.publisher.publish([delayedEvent(`token ${results.length}`)]);
        results.push(result!.kind);
        expect(performance.now() - begun_at_ms).toBeGreaterThan(25_000);
      },
      { within_ms: 60_000 },
    );
    expect(new Set(results)).toEqual(new Set(['acked']));
    expect(kafka.issuer.given).toBeGreaterThan(given);
    await eventually(() => expect(ear.codes).toContain(`token ${results.length - 1}`));
    const basic = `Basic ${Buffer.from(`frank:${CLIENT_SECRET}`).toString('base64')}`;
    expect(new Set(kafka.issuer.authorizations)).toEqual(new Set([basic]));
    expect(JSON.stringify(lines)).not.toContain(CLIENT_SECRET);
  });
});
