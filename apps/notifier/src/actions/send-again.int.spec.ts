import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ActionAnswered, ActionRequested, Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };

jest.setTimeout(60_000);

let notifier: NotifierFixture;
let answers: Collector;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  answers = await notifier.kafka.consume('action.answered');
  await notifier.start({
    ...{ ASSAY_NOTIFIER_QUICK_ATTEMPTS: '1', ASSAY_NOTIFIER_CIRCUIT_FAILURES: '1000' },
    ...{ ASSAY_NOTIFIER_PATIENT_FIRST_MS: '3600000', ASSAY_NOTIFIER_PATIENT_CAP_MS: '3600000' },
  });
});
afterEach(() => notifier.close());

function answerTo({ action_id }: ActionRequested, many = 1): Promise<ActionAnswered> {
  return eventually(
    () => {
      const found = answers.records.map((record) => record.json<ActionAnswered>());
      const own = found.filter((each) => each.action_id === action_id);
      expect(own).toHaveLength(many);
      return own.at(-1)!;
    },
    { within_ms: 20_000 },
  );
}

const sendAgain = (subject_id: string, over: Partial<ActionRequested> = {}) =>
  notifier.act({ action: 'send_again', subject_type: 'delivery', subject_id, as: 'again', ...over });

async function sent(recipient: Recipient, over: Partial<ReviewValidated> = {}) {
  const review = await notifier.tell([recipient], over);
  const [row] = await notifier.deliveries(review, 'sent');
  return { review, id: row!.id };
}

const repeatsOf = (review: ReviewValidated) =>
  notifier.database.sql<{ id: string; repeat: number; repeats: string | null; state: string }>(
    'SELECT id, repeat, repeats, state FROM deliveries WHERE job_id = $1 ORDER BY repeat',
    [review.job_id],
  );

describe('send_again', () => {
  it('DEL-17.a, DEL-17.b sends what was sent by rows of their own, each under a key of its own', async () => {
    const { review, id } = await sent(BOT);
    const first = await answerTo(await sendAgain(id));
    expect(first).toMatchObject({ outcome: 'done', code: null, deliveries: 1, delivery_id: expect.any(String) });
    await notifier.deliveries(review, 'sent', 'sent');
    // Of a row that repeats another, the first is sent again.
    const second = await answerTo(await sendAgain(first.delivery_id!));
    await notifier.deliveries(review, 'sent', 'sent', 'sent');
    expect(await repeatsOf(review)).toEqual([
      { id, repeat: 0, repeats: null, state: 'sent' },
      { id: first.delivery_id, repeat: 1, repeats: id, state: 'sent' },
      { id: second.delivery_id, repeat: 2, repeats: id, state: 'sent' },
    ]);
    const { received } = notifier.bot;
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
    expect(new Set(received.map(({ body }) => body.toString())).size).toBe(1);
    expect(await notifier.moves(first.delivery_id!)).toMatchObject([
      { from_state: null, to_state: 'pending', cause: 'sent_again', actor: 'key:ops' },
      { to_state: 'sending' },
      { to_state: 'sent', cause: 'provider_accepted' },
    ]);
  });

  it('DEL-17.b sends the same under the same key, which a receiver may drop as known', async () => {
    const { review, id } = await sent(BOT);
    await answerTo(await sendAgain(id, { as: 'the_same' }));
    await notifier.deliveries(review, 'sent', 'sent');
    const [first, second] = notifier.bot.received;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.body).toEqual(first!.body);
  });

  it('DEL-17.c tells its job how it went, and never that it failed', async () => {
    const { review, id } = await sent(BOT);
    await answerTo(await sendAgain(id));
    const told = await eventually(() => {
      const found = notifier.settledOf(review).find(({ deliveries }) => deliveries.some(({ repeat }) => repeat === 1));
      expect(found).toBeDefined();
      return found!;
    });
    expect(told).toMatchObject({
      summary: { open: 0, failed: 0, by_channel: { webhook: { sent: 2 } } },
      deliveries: [{ state: 'sent', repeat: 1 }],
    });
    notifier.bot.behave(answer(410));
    const { delivery_id } = await answerTo(await sendAgain(id));
    const dead = await eventually(() => {
      expect(notifier.deadOf(review)).toHaveLength(1);
      return notifier.deadOf(review)[0]!;
    });
    expect(dead).toMatchObject({
      ...{ subject_type: 'delivery', subject_id: delivery_id, error_class: 'RECIPIENT_INVALID' },
      summary: { open: 0, failed: 0, by_channel: { webhook: { sent: 2, failed_permanent: 1 } } },
    });
    // A newer version ends what failed, and the parent counts as before.
    await notifier.tell([BOT], { ...review, job_id: 'ffffffff-0000-7000-8000-000000000001', review_version: 2 });
    await notifier.deliveries(review, 'sent', 'sent', 'superseded');
    const counted = await notifier.database.sql('SELECT open, failed FROM reviews WHERE job_id = $1', [review.job_id]);
    expect(counted).toEqual([{ open: 0, failed: 0 }]);
  });

  it('DEL-17.a refuses what was not sent, is not there, is not over, or is overtaken', async () => {
    const { review, id } = await sent(BOT, { review_version: 1 });
    const others = await sent(BOT, { source: 'other' });
    notifier.slow.behave(answer(404));
    const waits = await notifier.tell([BOT, SLOW]);
    const [told, waiting] = await notifier.deliveries(waits, 'sent', 'retry_scheduled');
    const newer = { ...review, job_id: 'ffffffff-0000-7000-8000-000000000002', review_version: 2 };
    await notifier.tellAgain(newer);
    await notifier.deliveries(newer, 'sent');
    const refused: [string, Partial<ActionRequested>, string][] = [
      [waiting!.id, {}, 'not_sent'],
      [told!.id, {}, 'job_not_over'],
      [id, {}, 'superseded'],
      [others.id, { sources: ['ci'] }, 'not_found'],
      ['nonsense', {}, 'not_found'],
      [others.id, { action: 'send_never' as 'send_again' }, 'action_not_known'],
    ];
    for (const [subject_id, over, code] of refused) {
      const { outcome, code: why, deliveries, delivery_id } = await answerTo(await sendAgain(subject_id, over));
      expect([subject_id, outcome, why, deliveries, delivery_id]).toEqual([subject_id, 'refused', code, 0, null]);
    }
    expect(await repeatsOf(review)).toHaveLength(1);
  });

  it('DEL-17.a, GEN-2.a sends again once, however often the request comes', async () => {
    const { review, id } = await sent(BOT);
    const request = await sendAgain(id);
    const first = await answerTo(request);
    await notifier.act(request);
    expect(await answerTo(request, 2)).toEqual(first);
    await notifier.deliveries(review, 'sent', 'sent');
    expect(notifier.bot.received).toHaveLength(2);
  });
});
