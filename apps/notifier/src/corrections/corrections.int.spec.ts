import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, ReplayAccepted, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { v7 } from 'uuid';
import { NotifierFixture } from '../notifier.fixture.js';
import type { DeliveryState } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };
const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };
const NEW: Recipient = { channel: 'email', address: 'new@example.org' };

/** Above what a replay takes to come, with its test's steps between the first attempt and the last. */
const GIVE_UP_MS = 1_500;

jest.setTimeout(60_000);

let notifier: NotifierFixture;
beforeAll(async () => {
  notifier = await NotifierFixture.open();
  // A destination that answers 503 spends attempts here instead of opening its circuit.
  await notifier.start({ ASSAY_NOTIFIER_CIRCUIT_FAILURES: '100', ASSAY_NOTIFIER_GIVE_UP_AFTER_MS: `${GIVE_UP_MS}` });
});
afterAll(() => notifier.close());
beforeEach(() => {
  notifier.mail.behave('accept');
  notifier.bot.behave(answer(204));
  notifier.slow.behave(answer(204));
});

type Action = Partial<ReplayAccepted>;
const of = (delivery: { id: string }): Action => ({ subject_type: 'delivery', subject_id: delivery.id });
const to = (corrected_recipient: Recipient): Action => ({ action: 'correct_recipient', corrected_recipient });

/** A job whose one mail was refused, or whose outcome is not known. */
async function failed(behaviour: 'refuse_recipient' | 'cut_after_accepting', ...others: Recipient[]) {
  notifier.mail.behave(behaviour);
  const review = await notifier.tell([DEV, ...others]);
  const state = behaviour === 'refuse_recipient' ? 'failed_permanent' : 'unknown';
  const [mail] = await notifier.deliveries(review, state, ...others.map(() => 'sent'));
  await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
  notifier.mail.behave('accept');
  return { review, mail: mail! };
}

/** The end of a generation, as it was told. */
function ended(review: ReviewValidated, generation: number) {
  return eventually(
    () => {
      const told = notifier.settledOf(review).filter((each) => each.generation === generation);
      const last = told.toSorted((a, b) => a.revision - b.revision).at(-1);
      expect(last?.summary.open).toBe(0);
      return last!;
    },
    { within_ms: 20_000 },
  );
}

function letterOf(review: ReviewValidated, generation: number) {
  return eventually(
    () => {
      const found = notifier.deadOf(review).filter((each) => each.generation === generation);
      expect(found).toHaveLength(1);
      return found[0]!;
    },
    { within_ms: 20_000 },
  );
}

async function rowOf({ id }: { id: string }) {
  const [row] = await notifier.database.sql<DeliveryState & Record<string, unknown>>(
    'SELECT * FROM deliveries WHERE id = $1',
    [id],
  );
  return row!;
}

const mailsTo = ({ address }: Recipient) => notifier.mail.accepted.filter((mail) => mail.recipients.includes(address));
const messageId = ({ raw }: { raw: Buffer }) => /^message-id:\s*(\S+)/im.exec(raw.toString())![1];

describe('an operator', () => {
  it('DEL-10.c has what was refused tried again, under the same key and in the same words', async () => {
    notifier.slow.behave(answer(410));
    const review = await notifier.tell([SLOW]);
    const [hook] = await notifier.deliveries(review, 'failed_permanent');
    notifier.slow.behave(answer(204));
    await notifier.replay(review, { ...of(hook!), action: 'replay' });
    await notifier.deliveries(review, 'sent');
    const end = await ended(review, 1);
    expect(end.summary).toEqual({ open: 0, failed: 0, by_channel: { webhook: { sent: 1 } } });
    expect(end.deliveries).toMatchObject([{ delivery_id: hook!.id, state: 'sent', had_dead_letter: true }]);
    const [first, second] = notifier.slow.received.slice(-2);
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.body.equals(first!.body)).toBe(true);
    const moves = await notifier.moves(hook!.id);
    expect(moves).toContainEqual(
      expect.objectContaining({
        from_state: 'failed_permanent',
        to_state: 'pending',
        cause: 'replayed',
        actor: 'key:ops',
      }),
    );
  });

  it('DLQ-2.b gives each generation a schedule of its own', async () => {
    notifier.slow.behave(answer(503));
    const review = await notifier.tell([SLOW]);
    const first = await letterOf(review, 0);
    await notifier.replay(review, { subject_type: 'delivery', subject_id: first.subject_id });
    const second = await letterOf(review, 1);
    expect(second).toMatchObject({ subject_id: first.subject_id, summary: { open: 0, failed: 1 } });
    for (const { first_failure_at, last_failure_at, sanitized_context } of [first, second]) {
      expect(sanitized_context['attempts']).toBeGreaterThan(5);
      expect(Date.parse(last_failure_at) - Date.parse(first_failure_at)).toBeGreaterThan(GIVE_UP_MS - 500);
    }
  });

  it('DEL-8.g counts how long what is tried again waits from then on, not from its birth', async () => {
    notifier.slow.behave(answer(410));
    const review = await notifier.tell([SLOW]);
    const [hook] = await notifier.deliveries(review, 'failed_permanent');
    await notifier.database.sql(
      `UPDATE deliveries SET created_at = created_at - interval '9 days',
        first_attempt_at = first_attempt_at - interval '9 days' WHERE id = $1`,
      [hook!.id],
    );
    const before = notifier.slow.received.length;
    // Parked behind its circuit, where a row that has waited for too long is given up.
    notifier.slow.behave(answer(401));
    await notifier.replay(review, of(hook!));
    await eventually(() => expect(notifier.slow.received.length).toBeGreaterThan(before));
    notifier.slow.behave(answer(204));
    await notifier.deliveries(review, 'sent');
    expect(notifier.deadOf(review).filter(({ generation }) => generation === 1)).toEqual([]);
  });

  it('DEL-10.c resends what may have been sent, and only by that word', async () => {
    const { review, mail } = await failed('cut_after_accepting', BOT);
    const before = mailsTo(DEV).length;
    await notifier.replay(review, { ...of(mail), action: 'replay' });
    expect(await letterOf(review, 1)).toMatchObject({
      ...{ subject_id: mail.id, error_class: 'OUTCOME_UNKNOWN', summary: { open: 0, failed: 1 } },
    });
    expect(mailsTo(DEV)).toHaveLength(before);
    await notifier.replay(review, { ...of(mail), action: 'resend' }, 2);
    await notifier.deliveries(review, 'sent', 'sent');
    expect((await ended(review, 2)).summary.failed).toBe(0);
    const mails = mailsTo(DEV).slice(-2);
    expect(new Set(mails.map(messageId)).size).toBe(1);
  });

  it('DEL-10.c waives with a reason, and the job ends well', async () => {
    const { review, mail } = await failed('refuse_recipient', BOT);
    await notifier.replay(review, { ...of(mail), action: 'waive', reason: 'has left' });
    const end = await ended(review, 1);
    expect(end.summary).toEqual({ open: 0, failed: 0, by_channel: { email: { waived: 1 }, webhook: { sent: 1 } } });
    expect(end.deliveries).toMatchObject([{ delivery_id: mail.id, state: 'waived', had_dead_letter: true }]);
    expect(await rowOf(mail)).toMatchObject({ state: 'waived', waived_for: 'has left', generation: 1 });
  });

  it('DEL-10.b DEL-10.d corrects an address: a new row, linked, which stands for the first one until it is settled', async () => {
    const { review, mail } = await failed('refuse_recipient');
    notifier.mail.behave('refuse_recipient');
    await notifier.replay(review, { ...of(mail), ...to({ ...NEW, address: 'also-wrong@example.org' }) });
    const again = await letterOf(review, 1);
    expect(again.subject_id).toBe(mail.id);
    expect(again.sanitized_context['delivery_id']).not.toBe(mail.id);
    expect(again.summary).toMatchObject({ failed: 1, by_channel: { email: { replaced: 1, failed_permanent: 1 } } });

    notifier.mail.behave('accept');
    await notifier.replay(review, { ...of(mail), ...to(NEW) }, 2);
    const end = await ended(review, 2);
    expect(end.summary).toEqual({ open: 0, failed: 0, by_channel: { email: { replaced: 2, sent: 1 } } });
    const [settled] = end.deliveries;
    expect(settled).toMatchObject({ original_id: mail.id, state: 'sent', had_dead_letter: true });
    expect(mailsTo(NEW)).toHaveLength(1);
    const first = await rowOf(mail);
    const second = await rowOf({ id: first['replaced_by'] as string });
    expect([first.state, second.state, second['replaced_by']]).toEqual(['replaced', 'replaced', settled!.delivery_id]);
    expect((await notifier.moves(settled!.delivery_id))[0]).toMatchObject({
      ...{ from_state: null, to_state: 'pending', cause: 'recipient_corrected', actor: 'key:ops' },
    });
  });

  it.each<[string, Recipient]>([
    ['no mail address', { channel: 'email', address: 'nobody at home' }],
    ['an endpoint that is not configured', { channel: 'webhook', address: 'nowhere' }],
  ])('DEL-10.a is told when the correction is %s', async (_what, recipient) => {
    const { review, mail } = await failed('refuse_recipient');
    await notifier.replay(review, { ...of(mail), ...to(recipient) });
    expect(await letterOf(review, 1)).toMatchObject({ subject_id: mail.id, error_class: 'RECIPIENT_INVALID' });
  });

  it('DEL-10.b corrects to somebody who has been told already, and tells nobody twice', async () => {
    notifier.slow.behave(answer(410));
    const review = await notifier.tell([BOT, SLOW]);
    const [bot, slow] = await notifier.deliveries(review, 'sent', 'failed_permanent');
    const before = notifier.bot.received.length;
    await notifier.replay(review, { ...of(slow!), ...to(BOT) });
    const end = await ended(review, 1);
    expect(end.summary.by_channel).toEqual({ webhook: { sent: 1, replaced: 1 } });
    const told = end.deliveries.map(({ delivery_id, original_id, state }) => [delivery_id, original_id, state]);
    expect(told).toEqual([
      [bot!.id, undefined, 'sent'],
      [bot!.id, slow!.id, 'sent'],
    ]);
    expect(notifier.bot.received).toHaveLength(before);
  });

  it('replays one of two failures: the job fails again with the other, then ends well', async () => {
    notifier.slow.behave(answer(410));
    notifier.mail.behave('refuse_recipient');
    const review = await notifier.tell([DEV, SLOW]);
    const [mail, hook] = await notifier.deliveries(review, 'failed_permanent', 'failed_permanent');
    notifier.slow.behave(answer(204));
    notifier.mail.behave('accept');
    await notifier.replay(review, of(hook!));
    const first = await ended(review, 1);
    expect(first.summary).toMatchObject({
      failed: 1,
      by_channel: { email: { failed_permanent: 1 }, webhook: { sent: 1 } },
    });
    await notifier.replay(review, of(mail!), 2);
    expect((await ended(review, 2)).summary).toMatchObject({ failed: 0, by_channel: { email: { sent: 1 } } });
  });

  it('DEL-10.c replays a whole job: each delivery of it that failed', async () => {
    notifier.slow.behave(answer(410));
    notifier.mail.behave('refuse_recipient');
    const review = await notifier.tell([DEV, SLOW]);
    await notifier.deliveries(review, 'failed_permanent', 'failed_permanent');
    notifier.slow.behave(answer(204));
    notifier.mail.behave('accept');
    await notifier.replay(review, { subject_type: 'job', subject_id: review.job_id });
    await notifier.deliveries(review, 'sent', 'sent');
    expect((await ended(review, 1)).summary.failed).toBe(0);
  });
});

describe('a replay that comes again, late or out of order', () => {
  it('DLQ-10.b is done once, and says again where it stands', async () => {
    const { review, mail } = await failed('refuse_recipient');
    const request = { ...of(mail), ...to(NEW), item_id: v7() };
    for (let times = 0; times < 3; times += 1) await notifier.replay(review, request);
    await ended(review, 1);
    const before = notifier.settledOf(review).length;
    await notifier.replay(review, request);
    await eventually(() => expect(notifier.settledOf(review).length).toBeGreaterThan(before));
    expect(mailsTo(NEW).filter((each) => each.raw.includes(review.changelist_id))).toHaveLength(1);
    const rows = await notifier.database.sql('SELECT state FROM deliveries WHERE job_id = $1', [review.job_id]);
    expect(rows).toHaveLength(2);
  });

  it('GEN-9.a of an earlier generation than is known changes nothing', async () => {
    const { review, mail } = await failed('refuse_recipient');
    await notifier.replay(review, { ...of(mail), action: 'waive', reason: 'later' }, 2);
    await ended(review, 2);
    await notifier.replay(review, { ...of(mail), action: 'replay' }, 1);
    await notifier.tellAgain({ ...review, generation: 1 });
    const marker = await notifier.tell([BOT]);
    await notifier.deliveries(marker, 'sent');
    expect(await rowOf(mail)).toMatchObject({ state: 'waived', generation: 2 });
    const parents = await notifier.database.sql('SELECT generation FROM reviews WHERE job_id = $1 ORDER BY 1', [
      review.job_id,
    ]);
    expect(parents).toEqual([{ generation: 0 }, { generation: 2 }]);
  });

  it('of a job that is not known here is left to be asked for again', async () => {
    const { review, mail } = await failed('refuse_recipient');
    const stranger = { ...review, job_id: v7() };
    await notifier.replay(stranger, of(mail));
    await notifier.replay(review, of(mail));
    await ended(review, 1);
    expect(await notifier.database.sql('SELECT FROM reviews WHERE job_id = $1', [stranger.job_id])).toEqual([]);
  });

  it('ING-6.a of a version that a newer one has overtaken sends nothing, and ends as superseded', async () => {
    const { review, mail } = await failed('cut_after_accepting');
    const before = notifier.mail.accepted.length;
    const newer = await notifier.tell([BOT], { changelist_id: review.changelist_id, review_version: 2 });
    await notifier.deliveries(newer, 'sent');
    await notifier.replay(review, { ...of(mail), action: 'resend' });
    expect((await ended(review, 1)).deliveries).toMatchObject([{ delivery_id: mail.id, state: 'superseded' }]);
    expect(notifier.mail.accepted).toHaveLength(before);
  });
});

describe('a job that is validated anew', () => {
  it('DEL-15.c takes along what its deliveries were replaced by, and tries again what failed', async () => {
    const { review, mail } = await failed('refuse_recipient', BOT);
    notifier.mail.behave('refuse_recipient');
    await notifier.replay(review, { ...of(mail), ...to(NEW) });
    await letterOf(review, 1);
    notifier.mail.behave('accept');
    const before = notifier.bot.received.length;
    await notifier.tellAgain({ ...review, generation: 2 });
    const end = await ended(review, 2);
    expect(end.summary).toEqual({
      ...{ open: 0, failed: 0, by_channel: { email: { replaced: 1, sent: 1 }, webhook: { sent: 1 } } },
    });
    expect(end.deliveries).toMatchObject([{ original_id: mail.id, state: 'sent' }]);
    expect(notifier.bot.received).toHaveLength(before);
  });

  it('DEL-15.c leaves what was waived and what is not known', async () => {
    const { review, mail } = await failed('cut_after_accepting');
    await notifier.tellAgain({ ...review, generation: 1 });
    expect((await ended(review, 1)).summary).toMatchObject({ failed: 1, by_channel: { email: { unknown: 1 } } });
    await notifier.replay(review, { ...of(mail), action: 'waive', reason: 'was seen' }, 2);
    await ended(review, 2);
    await notifier.tellAgain({ ...review, generation: 3 });
    expect((await ended(review, 3)).summary).toMatchObject({ failed: 0, by_channel: { email: { waived: 1 } } });
  });
});
