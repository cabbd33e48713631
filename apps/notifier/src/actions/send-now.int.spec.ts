import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ActionAnswered, ActionRequested, Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { v7 } from 'uuid';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';

const ANN: Recipient = { channel: 'email', address: 'ann@example.org' };
const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };
const HOUR = '3600000';
/** One attempt, and the next in an hour; no circuit. */
const PATIENT = {
  ASSAY_NOTIFIER_QUICK_ATTEMPTS: '1',
  ASSAY_NOTIFIER_PATIENT_FIRST_MS: HOUR,
  ASSAY_NOTIFIER_PATIENT_CAP_MS: HOUR,
  ASSAY_NOTIFIER_CIRCUIT_FAILURES: '1000',
};
/** The first failure opens the circuit, for an hour. */
const BEHIND_CIRCUIT = {
  ASSAY_NOTIFIER_CIRCUIT_FAILURES: '1',
  ASSAY_NOTIFIER_CIRCUIT_OPEN_MS: HOUR,
  ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS: HOUR,
};

jest.setTimeout(60_000);

let notifier: NotifierFixture;
let answers: Collector;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  answers = await notifier.kafka.consume('action.answered');
});
afterEach(() => notifier.close());

/** Every answer to a request, once there are so many. */
function answersTo({ action_id }: ActionRequested, many = 1): Promise<ActionAnswered[]> {
  return eventually(
    () => {
      const found = answers.records.map((record) => record.json<ActionAnswered>());
      const own = found.filter((each) => each.action_id === action_id);
      expect(own).toHaveLength(many);
      return own;
    },
    { within_ms: 20_000 },
  );
}

async function answerTo(request: ActionRequested): Promise<Partial<ActionAnswered>> {
  const [{ action, outcome, code, deliveries }] = (await answersTo(request)) as [ActionAnswered];
  return { action, outcome, code, deliveries };
}

async function waits(recipients: readonly Recipient[], over: Partial<ReviewValidated> = {}): Promise<ReviewValidated> {
  const review = await notifier.tell(recipients, over);
  await notifier.deliveries(review, ...recipients.map(() => 'retry_scheduled'));
  return review;
}

const nextAttempts = (review: ReviewValidated) =>
  notifier.database.sql<{ ahead: boolean | null }>(
    'SELECT next_attempt_at > clock_timestamp() AS ahead FROM deliveries WHERE job_id = $1',
    [review.job_id],
  );

describe('send_now', () => {
  it('DEL-8.k sends what waits for an endpoint that was away (404) at once, and not after its patient wait', async () => {
    await notifier.start(PATIENT);
    notifier.bot.behave(answer(404));
    const reviews = [await waits([BOT]), await waits([BOT]), await waits([BOT])];
    notifier.bot.behave(answer(204));
    expect(await nextAttempts(reviews[0]!)).toEqual([{ ahead: true }]);
    const request = await notifier.act({ subject_type: 'destination', subject_id: 'webhook:bot' });
    expect(await answerTo(request)).toEqual({ action: 'send_now', outcome: 'done', code: null, deliveries: 3 });
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    const keys = notifier.bot.received.map(({ headers }) => headers['webhook-id']);
    expect([keys.length, new Set(keys).size]).toEqual([6, 3]);
  });

  it('DEL-8.k sends a greylisted mail at once, of one delivery and of no other', async () => {
    await notifier.start(PATIENT);
    notifier.mail.behave('busy');
    const [first, second] = [await waits([ANN]), await waits([ANN])];
    notifier.mail.behave('accept');
    const [row] = await notifier.deliveries(first, 'retry_scheduled');
    const request = await notifier.act({ subject_type: 'delivery', subject_id: row!.id });
    expect(await answerTo(request)).toMatchObject({ outcome: 'done', deliveries: 1 });
    await notifier.deliveries(first, 'sent');
    await notifier.deliveries(second, 'retry_scheduled');
    expect(notifier.mail.accepted).toHaveLength(1);
  });

  it('DEL-8.k lets a probe go at once through an open circuit, and what waits behind it after that', async () => {
    await notifier.start(BEHIND_CIRCUIT);
    notifier.bot.behave(answer(503, { 'retry-after': '3000' }));
    const review = await waits([BOT]);
    notifier.bot.behave(answer(204));
    const request = await notifier.act({ subject_type: 'job', subject_id: review.job_id });
    expect(await answerTo(request)).toMatchObject({ outcome: 'done', deliveries: 1 });
    await notifier.deliveries(review, 'sent');
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
  });

  it('DEL-8.k leaves a row that fails again in its schedule', async () => {
    await notifier.start(PATIENT);
    notifier.bot.behave(answer(404));
    const review = await waits([BOT]);
    await answersTo(await notifier.act({ subject_type: 'job', subject_id: review.job_id }));
    await eventually(() => expect(notifier.bot.received).toHaveLength(2));
    await eventually(async () => expect(await nextAttempts(review)).toEqual([{ ahead: true }]));
    expect(notifier.deadOf(review)).toEqual([]);
  });

  it('DEL-8.k, GEN-8.b touches what was asked for alone: one destination, one job, the sources of the key', async () => {
    await notifier.start(PATIENT);
    for (const receiver of [notifier.bot, notifier.slow]) receiver.behave(answer(404));
    const ours = await waits([BOT, SLOW]);
    const others = await waits([BOT], { source: 'other' });
    for (const receiver of [notifier.bot, notifier.slow]) receiver.behave(answer(204));
    const of_others = { sources: ['other'] };
    for (const subject of [
      { subject_type: 'destination', subject_id: 'webhook:bot' },
      { subject_type: 'job', subject_id: others.job_id },
    ] as const) {
      const refused = await notifier.act({ ...subject, sources: ['nobody'] });
      const code = subject.subject_type === 'job' ? 'not_found' : 'nothing_waits';
      expect(await answerTo(refused)).toEqual({ action: 'send_now', outcome: 'refused', code, deliveries: 0 });
    }
    const request = await notifier.act({ subject_type: 'destination', subject_id: 'webhook:bot', ...of_others });
    expect(await answerTo(request)).toMatchObject({ outcome: 'done', deliveries: 1 });
    await notifier.deliveries(others, 'sent');
    await notifier.deliveries(ours, 'retry_scheduled', 'retry_scheduled');
    await notifier.act({ subject_type: 'destination', subject_id: 'webhook:slow' });
    await notifier.deliveries(ours, 'retry_scheduled', 'sent');
  });

  it('DEL-8.l says why it did nothing: there is no such one, or nothing of it waits', async () => {
    await notifier.start();
    const review = await notifier.tell([BOT]);
    const [row] = await notifier.deliveries(review, 'sent');
    for (const [subject_type, subject_id, code] of [
      ['delivery', row!.id, 'nothing_waits'],
      ['job', review.job_id, 'nothing_waits'],
      ['destination', 'webhook:bot', 'nothing_waits'],
      ['destination', 'pigeon', 'not_found'],
      ['delivery', v7(), 'not_found'],
      ['job', 'nonsense', 'not_found'],
    ] as const) {
      const request = await notifier.act({ subject_type, subject_id });
      expect([subject_id, await answerTo(request)]).toEqual([
        subject_id,
        { action: 'send_now', outcome: 'refused', code, deliveries: 0 },
      ]);
    }
    expect(notifier.bot.received).toHaveLength(1);
  });

  it('DEL-8.l, GEN-2.a answers a request that comes again as before, and does nothing more', async () => {
    await notifier.start(PATIENT);
    notifier.bot.behave(answer(404));
    const review = await waits([BOT]);
    const request = await notifier.act({ subject_type: 'job', subject_id: review.job_id });
    await answersTo(request);
    await eventually(() => expect(notifier.bot.received).toHaveLength(2));
    await eventually(async () => expect(await nextAttempts(review)).toEqual([{ ahead: true }]));
    await notifier.act(request);
    const [first, again] = await answersTo(request, 2);
    expect(again).toEqual(first);
    expect(notifier.bot.received).toHaveLength(2);
    await notifier.deliveries(review, 'retry_scheduled');
  });
});
