import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { v7 } from 'uuid';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer, ignore } from '../providers/conformance/http-receiver.fixture.js';
import { aFinding } from '../rendering/example-input.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };
const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };

jest.setTimeout(60_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

function lastSettled(review: ReviewValidated) {
  return notifier
    .settledOf(review)
    .toSorted((a, b) => a.revision - b.revision)
    .at(-1);
}

/** A later job of the same version, as ingest makes one when the first has failed (ING-4). */
function laterJob(review: ReviewValidated): Partial<ReviewValidated> {
  const { source, changelist_id, review_version } = review;
  const result = { ...review.result!, findings: [aFinding({ title: 'Found by the later run' })] };
  return { source, changelist_id, review_version, job_id: v7(), result };
}

describe('intake', () => {
  it('DEL-1.a keeps one row per source, changelist, recipient and version, whichever job names it', async () => {
    await notifier.start();
    const review = await notifier.tell([BOT, DEV]);
    await notifier.deliveries(review, 'sent', 'sent');
    const later = await notifier.tell([BOT, DEV], laterJob(review));
    await notifier.deliveries(later, 'sent', 'sent');
    const [count] = await notifier.database.sql<{ n: string }>('SELECT count(*) AS n FROM deliveries');
    expect(count!.n).toBe('2');
  });

  it('ING-4.d adopts what an earlier job sent, sends the rest, and ends without sending anything twice', async () => {
    await notifier.start();
    notifier.slow.behave(answer(410));
    const review = await notifier.tell([BOT, SLOW]);
    await notifier.deliveries(review, 'sent', 'failed_permanent');
    notifier.slow.behave(answer(204));
    const later = await notifier.tell([BOT, SLOW], laterJob(review));
    await notifier.deliveries(later, 'sent', 'sent');
    await eventually(() => expect(lastSettled(later)?.summary.open).toBe(0));
    expect(lastSettled(later)!.summary).toEqual({ open: 0, failed: 0, by_channel: { webhook: { sent: 2 } } });
    expect([notifier.bot.received.length, notifier.slow.received.length]).toEqual([1, 2]);
  });

  it('DEL-3.e sends under one key what the first intent froze, also for a later job', async () => {
    await notifier.start();
    notifier.slow.behave(answer(410));
    const review = await notifier.tell([SLOW]);
    await notifier.deliveries(review, 'failed_permanent');
    notifier.slow.behave(answer(204));
    const later = await notifier.tell([SLOW], laterJob(review));
    await notifier.deliveries(later, 'sent');
    const [first, second] = notifier.slow.received;
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.body.equals(first!.body)).toBe(true);
    const [row] = await notifier.database.sql(
      'SELECT frozen_job_id, frozen_generation, render_version FROM deliveries',
    );
    expect(row).toEqual({ frozen_job_id: review.job_id, frozen_generation: 0, render_version: 1 });
  });

  it('DEL-15.c adopts sent rows as settled and ambiguous rows as they are', async () => {
    await notifier.start();
    notifier.mail.behave('cut_after_accepting');
    const review = await notifier.tell([BOT, DEV]);
    await notifier.deliveries(review, 'unknown', 'sent');
    notifier.mail.behave('accept');
    const later = await notifier.tell([BOT, DEV], laterJob(review));
    await eventually(() =>
      expect(lastSettled(later)).toMatchObject({
        deliveries: [],
        summary: { open: 0, failed: 1, by_channel: { email: { unknown: 1 }, webhook: { sent: 1 } } },
      }),
    );
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([1, 1]);
  });

  it('GEN-8.a lets two sources use the same changelist, version and recipient without affecting each other', async () => {
    await notifier.start();
    const one = await notifier.tell([BOT], { source: 'one', changelist_id: '7' });
    const other = await notifier.tell([BOT], { source: 'other', changelist_id: '7', review_version: 2 });
    await notifier.deliveries(one, 'sent');
    await notifier.deliveries(other, 'sent');
    expect(new Set(notifier.bot.received.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
  });

  it('ING-6.e takes no notice of a review that was rejected', async () => {
    await notifier.start();
    notifier.slow.behave(answer(410));
    const older = await notifier.tell([SLOW]);
    await notifier.deliveries(older, 'failed_permanent');
    const { changelist_id } = older;
    await notifier.tell([SLOW], { changelist_id, review_version: 2, outcome: 'rejected', result: null });
    // After it in the same partition: superseded at birth, were there a newer version.
    const later = await notifier.tell([BOT], { ...laterJob(older), recipients: [BOT] });
    await notifier.deliveries(later, 'sent');
    await notifier.deliveries(older, 'failed_permanent');
    expect(notifier.settledOf(older)).toEqual([]);
  });
});

describe('a newer version', () => {
  it('ING-6.a ends deliveries of older versions that wait or have failed as superseded, and tells of them', async () => {
    await notifier.start();
    notifier.mail.behave('refuse_recipient');
    notifier.slow.behave(answer(503));
    const older = await notifier.tell([DEV, BOT, SLOW]);
    await eventually(async () => {
      const states = await notifier.database.sql<{ state: string }>(
        'SELECT state FROM deliveries ORDER BY channel, address',
      );
      expect([states[0]!.state, states[1]!.state]).toEqual(['failed_permanent', 'sent']);
      expect(['pending', 'retry_scheduled']).toContain(states[2]!.state);
    });
    // Nobody claims what waits before an hour is over: what ends it is the newer version's arrival.
    await eventually(async () => {
      const put_off = await notifier.database.sql(
        `UPDATE work_items SET due_at = clock_timestamp() + interval '1 hour'
         WHERE queue = 'deliver' AND phase = 'work' AND state = 'queued' RETURNING id`,
      );
      expect(put_off).toHaveLength(1);
    });
    const newer = await notifier.tell([BOT], { changelist_id: older.changelist_id, review_version: 2 });
    await notifier.deliveries(newer, 'sent');
    await notifier.deliveries(older, 'superseded', 'sent', 'superseded');
    await eventually(() => expect(lastSettled(older)?.summary.open).toBe(0));
    const told = lastSettled(older)!;
    expect(told.summary).toMatchObject({ failed: 0, by_channel: { email: { superseded: 1 } } });
    expect(told.deliveries.every(({ state }) => state === 'superseded')).toBe(true);
  });

  it('ING-6.c lets what is being sent run its course', async () => {
    await notifier.start();
    notifier.slow.behave(ignore);
    const older = await notifier.tell([SLOW]);
    await notifier.deliveries(older, 'sending');
    await eventually(() => expect(notifier.slow.received).toHaveLength(1));
    notifier.slow.behave(answer(204));
    const newer = await notifier.tell([BOT], { changelist_id: older.changelist_id, review_version: 2 });
    await notifier.deliveries(newer, 'sent');
    await notifier.deliveries(older, 'sent');
  });

  it('ING-6.c supersedes what was being sent when the newer version came, once it turns out not to be sent', async () => {
    await notifier.start();
    const held: (() => void)[] = [];
    notifier.slow.behave((response, request) => void held.push(() => answer(503)(response, request)));
    const older = await notifier.tell([SLOW]);
    await eventually(() => expect(held).toHaveLength(1));
    const newer = await notifier.tell([BOT], { changelist_id: older.changelist_id, review_version: 2 });
    await notifier.deliveries(newer, 'sent');
    await notifier.deliveries(older, 'sending');
    held[0]!();
    await notifier.deliveries(older, 'superseded');
    expect(notifier.slow.received).toHaveLength(1);
    await eventually(() => expect(lastSettled(older)?.summary).toMatchObject({ open: 0, failed: 0 }));
  });

  it('ING-6.c leaves unknown to its operator', async () => {
    await notifier.start();
    notifier.mail.behave('cut_after_accepting');
    const older = await notifier.tell([DEV]);
    await notifier.deliveries(older, 'unknown');
    const newer = await notifier.tell([BOT], { changelist_id: older.changelist_id, review_version: 2 });
    await notifier.deliveries(newer, 'sent');
    await notifier.deliveries(older, 'unknown');
  });

  it('ING-6.d stores an older version that arrives later as superseded, and sends nothing', async () => {
    await notifier.start();
    const newer = await notifier.tell([BOT], { review_version: 2 });
    await notifier.deliveries(newer, 'sent');
    const older = await notifier.tell([BOT, DEV], { changelist_id: newer.changelist_id, review_version: 1 });
    await notifier.deliveries(older, 'superseded', 'superseded');
    await eventually(() =>
      expect(lastSettled(older)?.summary).toEqual({
        open: 0,
        failed: 0,
        by_channel: { email: { superseded: 1 }, webhook: { superseded: 1 } },
      }),
    );
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([1, 0]);
  });
});
