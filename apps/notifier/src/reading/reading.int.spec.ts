import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { ProblemDetails, Recipient, ReviewValidated } from '@assay/contracts';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { answer } from '../providers/conformance/http-receiver.fixture.js';
import { ReadingFixture } from './reading.fixture.js';
import type { Reader } from './reading.fixture.js';
import type { DeliveryPage, DeliveryView } from './reading.service.js';

const ANN: Recipient = { channel: 'email', address: 'ann@example.org' };
const BOB: Recipient = { channel: 'email', address: 'bob@example.org' };
const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };

jest.setTimeout(60_000);

let stage: ReadingFixture;
const reviews = {} as Record<'told' | 'of_other' | 'gone' | 'waits', ReviewValidated>;
beforeAll(async () => {
  stage = await ReadingFixture.open({ ASSAY_NOTIFIER_CIRCUIT_OPEN_MS: '600000' });
  const { notifier } = stage;
  reviews.told = await notifier.tell([ANN, BOT]);
  await notifier.deliveries(reviews.told, 'sent', 'sent');
  reviews.of_other = await notifier.tell([ANN], { source: 'other' });
  await notifier.deliveries(reviews.of_other, 'sent');
  notifier.mail.behave('refuse_recipient');
  reviews.gone = await notifier.tell([BOB]);
  await notifier.deliveries(reviews.gone, 'failed_permanent');
  notifier.slow.behave(answer(503, { 'retry-after': '600' }, 'being deployed, token=abc123def456ghi789'));
  reviews.waits = await notifier.tell([SLOW]);
  await notifier.deliveries(reviews.waits, 'retry_scheduled');
});
afterAll(() => stage.close());

const list = async (query: string, as: Reader = 'operator') =>
  (await stage.call<DeliveryPage>(as, `/v1/deliveries${query}`)).body;

/** Which review and channel each item is of, in order. */
const namesOf = ({ items }: DeliveryPage) =>
  items.map(({ job_id, channel }) => {
    const [name] = Object.entries(reviews).find(([, review]) => review.job_id === job_id)!;
    return `${name} ${channel}`;
  });

async function one(review: ReviewValidated, channel: string, as: Reader = 'operator'): Promise<DeliveryView> {
  const { items } = await list(`?job_id=${review.job_id}&channel=${channel}`);
  return (await stage.call<DeliveryView>(as, `/v1/deliveries/${items[0]!.id}`)).body;
}

describe('GET /v1/deliveries', () => {
  it.each<[string, string[]]>([
    ['', ['gone email', 'of_other email', 'told email', 'told webhook', 'waits webhook']],
    ['?recipient=ann@example.org', ['of_other email', 'told email']],
    ['?recipient=ann@EXAMPLE.org', ['of_other email', 'told email']],
    ['?recipient=bot', ['told webhook']],
    ['?recipient=nobody@example.org', []],
    ['?channel=webhook', ['told webhook', 'waits webhook']],
    ['?destination=smtp', ['gone email', 'of_other email', 'told email']],
    ['?destination=webhook:slow', ['waits webhook']],
    ['?destination=webhook:gone', []],
    ['?state=sent', ['of_other email', 'told email', 'told webhook']],
    ['?state=retry_scheduled', ['waits webhook']],
    ['?state=pending,sending,retry_scheduled', ['waits webhook']],
    ['?state=failed_permanent', ['gone email']],
    ['?state=failed_permanent,retry_scheduled', ['gone email', 'waits webhook']],
    ['?state=sent,failed_permanent', ['gone email', 'of_other email', 'told email', 'told webhook']],
    ['?state=waived', []],
    ['?recipient=ann@example.org&state=failed_permanent', []],
  ])('DEL-19.a finds %s', async (query, names) => {
    expect(namesOf(await list(query)).sort()).toEqual(names);
  });

  it('DEL-19.a finds by job, and by the key as receivers know it', async () => {
    expect(namesOf(await list(`?job_id=${reviews.told.job_id}`)).sort()).toEqual(['told email', 'told webhook']);
    const { headers } = stage.notifier.bot.received[0]!;
    expect(namesOf(await list(`?key=${headers['webhook-id'] as string}`))).toEqual(['told webhook']);
    const [, message_id] = /^Message-ID:\s*(\S+)/im.exec(stage.notifier.mail.accepted[0]!.raw.toString())!;
    expect(namesOf(await list(`?key=${encodeURIComponent(message_id!)}`))).toEqual(['told email']);
  });

  it('DEL-19.a pages by cursor, newest first, each once', async () => {
    const seen: string[] = [];
    let page = await list('?limit=2');
    for (;;) {
      seen.push(...page.items.map(({ id }) => id));
      if (page.next_cursor === null) break;
      expect(page.items).toHaveLength(2);
      page = await list(`?limit=2&cursor=${page.next_cursor}`);
    }
    expect(seen).toEqual((await list('')).items.map(({ id }) => id));
    expect(seen).toEqual(seen.toSorted().reverse());
    expect(seen).toHaveLength(5);
  });

  it.each([
    ['?limit=0', '?limit'],
    ['?cursor=nonsense', '?cursor'],
    ['?state=open', '?state'],
    ['?state=sent,', '?state'],
    ['?channel=pigeon', '?channel'],
    ['?job_id=1', '?job_id'],
    ['?key=abc', '?key'],
    ['?destination=pigeon', '?destination'],
    ['?recipient=', '?recipient'],
    ['?recipient=a%00b', '?recipient'],
    ['?colour=red', '?colour'],
  ])('ING-10.a answers %s with a pointer', async (query, pointer) => {
    const { status, body } = await stage.call<ProblemDetails>('operator', `/v1/deliveries${query}`);
    expect({ status, pointers: [...new Set(body.errors?.map((error) => error.pointer))] }).toEqual({
      ...{ status: 400, pointers: [pointer] },
    });
  });
});

describe('one delivery', () => {
  it('DEL-19.b says when its recipient was told, under which id, and what the server answered', async () => {
    const told = await one(reviews.told, 'email');
    expect(told).toMatchObject({
      ...{ address: 'ann@example.org', destination: 'smtp', state: 'sent', attempts: 1, code: null },
      ...{ source: 'ci', job_id: reviews.told.job_id, next_attempt_at: null, intent_at: null, replaced_by: null },
      answer: { status: 250, headers: {} },
    });
    expect(told.answer!.text).not.toBe('');
    expect(told.notification_id).toContain(told.key);
    expect(Math.abs(Date.now() - Date.parse(told.notified_at!))).toBeLessThan(60_000);
    expect(told.transitions.map(({ from_state, to_state, cause }) => [from_state, to_state, cause])).toEqual([
      [null, 'pending', 'review_validated'],
      ['pending', 'sending', 'intent_recorded'],
      ['sending', 'sent', 'provider_accepted'],
    ]);
    expect((await one(reviews.told, 'webhook')).answer).toMatchObject({ status: 204 });
  });

  it('DEL-19.b says why it failed, without the address in what the server said', async () => {
    const gone = await one(reviews.gone, 'email');
    expect(gone).toMatchObject({
      ...{ state: 'failed_permanent', error_class: 'RECIPIENT_INVALID', code: 'smtp_550', attempts: 1 },
      answer: { status: 550 },
    });
    expect(gone.answer!.text).toContain('no such mailbox');
    expect(gone.answer!.text).not.toContain('bob@example.org');
  });

  it('DEL-19.b says what it waits for, redacted', async () => {
    const waits = await one(reviews.waits, 'webhook');
    expect(waits).toMatchObject({ state: 'retry_scheduled', code: 'http_503', destination: 'webhook:slow' });
    expect(waits.answer).toMatchObject({ status: 503, headers: { 'retry-after': '600' } });
    expect(waits.answer!.text).toContain('being deployed');
    expect(waits.answer!.text).not.toContain('abc123def456ghi789');
  });

  it('answers 404 for what is no delivery', async () => {
    for (const id of ['nonsense', '00000000-0000-7000-8000-000000000000', '%00']) {
      expect(await stage.call('operator', `/v1/deliveries/${id}`)).toMatchObject({ status: 404 });
    }
  });
});

describe('who may read', () => {
  it('DEL-19.c, GEN-8.b shows a key the deliveries of its sources alone', async () => {
    expect(namesOf(await list('', 'operator_of_other'))).toEqual(['of_other email']);
    expect(namesOf(await list('', 'submitter'))).not.toContain('of_other email');
    const { id } = await one(reviews.told, 'email');
    expect(await stage.call('operator_of_other', `/v1/deliveries/${id}`)).toMatchObject({ status: 404 });
    expect(await stage.call(null, '/v1/deliveries')).toMatchObject({ status: 401 });
  });

  it('DEL-19.c shows addresses to operators alone', async () => {
    for (const reader of ['auditor', 'submitter'] as const) {
      const page = await list('?channel=email', reader);
      expect(new Set(page.items.map(({ address }) => address))).toEqual(new Set(['a…@example.org', 'b…@example.org']));
      expect((await one(reviews.told, 'email', reader)).address).toBe('a…@example.org');
      expect(JSON.stringify(await one(reviews.gone, 'email', reader))).not.toContain('bob@example.org');
    }
  });

  it('DEL-19.c writes each look down: who, under which role, at which deliveries, and whether addresses were shown', async () => {
    const lines: LogLine[] = [];
    const end = addLogSink((line) => lines.push(line));
    const { id } = await one(reviews.told, 'email', 'auditor');
    await list('?recipient=nobody@example.org');
    end();
    const reads = lines.filter(({ event }) => event === 'deliveries_read');
    expect(
      reads.map(({ actor, role, addresses_shown, delivery_ids }) => [actor, role, addresses_shown, delivery_ids]),
    ).toEqual([
      ['key:operator', 'operator', true, [id]],
      ['key:auditor', 'auditor', false, [id]],
    ]);
    expect(JSON.stringify(lines)).not.toContain('ann@');
  });
});
