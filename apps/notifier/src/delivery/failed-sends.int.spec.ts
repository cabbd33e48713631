import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, StageDeadLettered, StageDelayed } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { Providers } from '../providers/index.js';
import type { Classification } from '../providers/provider.js';
import { aFailure, ClassifiedProvider } from './classified.provider.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
/** A row that is refused is not tried again within the test. */
const ONE_ATTEMPT = {
  ASSAY_NOTIFIER_QUICK_ATTEMPTS: '1',
  ASSAY_NOTIFIER_PATIENT_FIRST_MS: '600000',
  ASSAY_NOTIFIER_PATIENT_CAP_MS: '600000',
};

jest.setTimeout(60_000);

let notifier: NotifierFixture;
let provider: ClassifiedProvider;
const providers = (): Providers => new Providers([provider]);
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  provider = new ClassifiedProvider();
});
afterEach(() => notifier.close());

const forbidden = (key: string): Classification => ({
  ...{ verdict: 'not_sent_retryable', concerns: 'recipient', suspected: { of: 'credential', counted_by: key } },
  failure: aFailure('http_403', true, 'AUTHENTICATION_FAILED'),
});
const against = (policy: string): Classification => ({
  ...{ verdict: 'not_sent_permanent', concerns: 'recipient', suspected: { of: 'destination', counted_by: policy } },
  failure: aFailure('smtp_550', false, 'POLICY_REJECTED'),
});
const cutOff = (): Classification => ({
  ...{ verdict: 'ambiguous', concerns: 'destination' },
  failure: aFailure('und_err_socket', false, 'OUTCOME_UNKNOWN'),
});
const knownKey = (believed: boolean): Classification => ({
  ...{ verdict: 'known', concerns: 'recipient', known: { believed } },
  failure: aFailure('http_409', false, 'POLICY_REJECTED'),
});

/** Refuses the first so many keys that come, for as long as it stands. */
function refuseFirst(many: number, refusal: (key: string) => Classification): Set<string> {
  const refused = new Set<string>();
  provider.answer = (_address, key) => {
    if (refused.size < many) refused.add(key);
    return refused.has(key) ? refusal(key) : null;
  };
  return refused;
}

const letters = (subject_type: string): StageDeadLettered[] =>
  notifier.dead.records
    .map((record) => record.json<StageDeadLettered>())
    .filter((letter) => letter.subject_type === subject_type);

const waits = (): StageDelayed[] => notifier.delayed.records.map((record) => record.json<StageDelayed>());

const refusals = () => notifier.database.sql('SELECT FROM destination_refusals');

describe('a refusal of one row', () => {
  it('DEL-7.h leaves its neighbours alone, waits in its own schedule and ends as that row’s dead letter', async () => {
    await notifier.start({ ASSAY_NOTIFIER_GIVE_UP_AFTER_MS: '2000' }, providers);
    const refused = refuseFirst(1, forbidden);
    const bad = await notifier.tell([BOT]);
    await eventually(() => expect(refused.size).toBe(1));
    for (let n = 0; n < 5; n += 1) await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    await notifier.deliveries(bad, 'failed_permanent');
    await eventually(() => expect(notifier.deadOf(bad)).toHaveLength(1));
    expect(notifier.deadOf(bad)[0]).toMatchObject({ code: 'http_403', error_class: 'AUTHENTICATION_FAILED' });
    expect(notifier.deadOf(bad)[0]!.sanitized_context['attempts']).toBeGreaterThan(5);
    expect([letters('credential'), letters('destination')]).toEqual([[], []]);
    // Each attempt was told as one: no circuit has parked it.
    const attempts = waits().map(({ attempt }) => attempt);
    expect(new Set(attempts).size).toBe(attempts.length);
  });

  it('DEL-7.h stays that of two rows, however often they are refused', async () => {
    await notifier.start({}, providers);
    refuseFirst(2, forbidden);
    await notifier.tell([BOT]);
    await notifier.tell([BOT]);
    await eventually(() => expect(provider.sent.length).toBeGreaterThan(14), { within_ms: 20_000 });
    expect(new Set(provider.sent.map(({ key }) => key)).size).toBe(2);
    expect(letters('credential')).toEqual([]);
  });

  it('DEL-7.h is the credential’s where three rows were refused, over all replicas, and they wait with it', async () => {
    await Promise.all([notifier.start({}, providers), notifier.start({}, providers)]);
    refuseFirst(3, forbidden);
    const reviews = [await notifier.tell([BOT]), await notifier.tell([BOT]), await notifier.tell([BOT])];
    await eventually(() => expect(letters('credential').length).toBeGreaterThan(0), { within_ms: 20_000 });
    expect(new Set(letters('credential').map(({ subject_id }) => subject_id)).size).toBe(1);
    expect(letters('credential')[0]).toMatchObject({
      code: 'http_403',
      sanitized_context: { destination: 'webhook:bot' },
    });
    provider.answer = () => null;
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    await eventually(async () => expect(await refusals()).toEqual([]));
    expect(letters('delivery')).toEqual([]);
  });

  it('DEL-7.h counts from the last success on', async () => {
    await notifier.start(ONE_ATTEMPT, providers);
    const refuse = async (many: number) => {
      const refused = refuseFirst(many, forbidden);
      for (let n = 0; n < many; n += 1) await notifier.tell([BOT]);
      await eventually(() => expect(refused.size).toBe(many));
    };
    await refuse(2);
    await eventually(async () => expect(await refusals()).toHaveLength(2));
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    await eventually(async () => expect(await refusals()).toEqual([]));
    await refuse(2);
    await eventually(async () => expect(await refusals()).toHaveLength(2));
    await eventually(() => expect(waits()).toHaveLength(4));
    expect(letters('credential')).toEqual([]);
    await refuse(1);
    await eventually(() => expect(letters('credential')).not.toEqual([]));
  });

  it('DEL-7.n is the provider’s where three domains refuse by policy: the third waits, and is sent after it', async () => {
    await notifier.start({}, providers);
    refuseFirst(3, against);
    const own = [await notifier.tell([BOT]), await notifier.tell([BOT])];
    for (const review of own) await notifier.deliveries(review, 'failed_permanent');
    const third = await notifier.tell([BOT]);
    await eventually(() => expect(letters('destination')).not.toEqual([]));
    expect(letters('destination')[0]).toMatchObject({ code: 'smtp_550', error_class: 'POLICY_REJECTED' });
    const [row] = await notifier.database.sql<{ state: string }>('SELECT state FROM deliveries WHERE job_id = $1', [
      third.job_id,
    ]);
    expect(['retry_scheduled', 'sending']).toContain(row!.state);
    provider.answer = () => null;
    await notifier.deliveries(third, 'sent');
  });
});

describe('a key that the receiver knows', () => {
  it('DEL-7.g is sent where an attempt before it may have gone through, and the endpoint’s word counts', async () => {
    await notifier.start({}, providers);
    provider.answer = () => (provider.sent.length === 1 ? cutOff() : knownKey(true));
    const review = await notifier.tell([BOT]);
    const [row] = await notifier.deliveries(review, 'sent');
    expect(row).toMatchObject({ notification_id: provider.sent[0]!.key, maybe_sent_at: null });
    expect(provider.sent).toHaveLength(2);
  });

  it('DEL-7.g leaves it unknown at the end where its word does not count', async () => {
    await notifier.start({ ASSAY_NOTIFIER_GIVE_UP_AFTER_MS: '500' }, providers);
    provider.answer = () => (provider.sent.length === 1 ? cutOff() : knownKey(false));
    const review = await notifier.tell([BOT]);
    await notifier.deliveries(review, 'unknown');
    await eventually(() => expect(notifier.deadOf(review)[0]).toMatchObject({ error_class: 'OUTCOME_UNKNOWN' }));
  });

  it('DEL-7.g is a permanent refusal where nothing was sent before', async () => {
    await notifier.start({}, providers);
    provider.answer = () => knownKey(true);
    const review = await notifier.tell([BOT]);
    await notifier.deliveries(review, 'failed_permanent');
    expect(provider.sent).toHaveLength(1);
  });
});
