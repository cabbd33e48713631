import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { v7 } from 'uuid';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';
import { aValidatedReview } from '../rendering/example-input.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };
const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };

jest.setTimeout(60_000);

let notifier: NotifierFixture;
beforeAll(async () => {
  notifier = await NotifierFixture.open();
  // A destination that answers 503 spends attempts here instead of opening its circuit.
  await notifier.start({ ASSAY_NOTIFIER_CIRCUIT_FAILURES: '100' });
});
afterAll(() => notifier.close());
beforeEach(() => {
  notifier.mail.behave('accept');
  notifier.bot.behave(answer(204));
  notifier.slow.behave(answer(204));
});

/** The last word on a generation, once nothing of it is open. */
function ended(review: ReviewValidated) {
  return eventually(() => {
    const last = notifier
      .settledOf(review)
      .toSorted((a, b) => a.revision - b.revision)
      .at(-1);
    expect(last?.summary.open).toBe(0);
    return last!;
  });
}

async function historyOf(review: ReviewValidated) {
  return notifier.database.sql<{ to_state: string; cause: string; actor: string }>(
    `SELECT t.to_state, t.cause, t.actor FROM delivery_transitions t JOIN deliveries d ON d.id = t.delivery_id
     WHERE d.job_id = $1 AND t.cause = 'cancelled'`,
    [review.job_id],
  );
}

const known = (review: ReviewValidated) =>
  eventually(async () => {
    const rows = await notifier.database.sql('SELECT FROM cancellations WHERE job_id = $1', [review.job_id]);
    expect(rows).toHaveLength(1);
  });

/** The receiver keeps its next request; what this returns answers it. */
function holdNext(): { reached: Promise<void>; answer: (status: number) => void } {
  let response: ServerResponse;
  const reached = new Promise<void>((resolve) => {
    notifier.slow.behave((held) => {
      response = held;
      resolve();
    });
  });
  return { reached, answer: (status) => response.writeHead(status).end() };
}

describe('a cancelled job', () => {
  it('ING-13.b ends what was not sent yet as waived, cause cancelled; what was sent stands', async () => {
    // The word of its next attempt keeps the row waiting.
    notifier.slow.behave(answer(503, { 'retry-after': '250' }));
    const review = await notifier.tell([BOT, SLOW, DEV]);
    await notifier.deliveries(review, 'sent', 'sent', 'retry_scheduled');
    await notifier.cancel(review, 'posted by mistake');
    expect((await ended(review)).summary).toEqual({
      ...{ open: 0, failed: 0 },
      by_channel: { webhook: { sent: 1, waived: 1 }, email: { sent: 1 } },
    });
    expect(await historyOf(review)).toEqual([{ to_state: 'waived', cause: 'cancelled', actor: 'key:ci' }]);
    const rows = await notifier.database.sql(
      `SELECT waived_for FROM deliveries WHERE job_id = $1 AND state = 'waived'`,
      [review.job_id],
    );
    expect(rows).toEqual([{ waived_for: 'posted by mistake' }]);
  });

  it('ING-13.b tells nobody when the word of it comes before the review', async () => {
    const review = aValidatedReview({ job_id: v7(), changelist_id: `c-${v7()}`, recipients: [BOT, DEV] });
    await notifier.cancel(review, 'posted by mistake');
    await known(review);
    const [requests, mails] = [notifier.bot.received.length, notifier.mail.accepted.length];
    await notifier.tellAgain(review);
    expect((await ended(review)).summary.by_channel).toEqual({ webhook: { waived: 1 }, email: { waived: 1 } });
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([requests, mails]);
  });

  it('ING-13.b lets what is being sent run its course: sent, it stands; told twice, nothing changes', async () => {
    const held = holdNext();
    const review = await notifier.tell([SLOW]);
    await held.reached;
    await notifier.cancel(review, 'too late');
    await notifier.cancel(review, 'too late');
    await known(review);
    held.answer(204);
    expect((await ended(review)).summary.by_channel).toEqual({ webhook: { sent: 1 } });
    expect(await historyOf(review)).toEqual([]);
  });

  it('ING-13.b makes no further attempt once the one under way has failed', async () => {
    const before = notifier.slow.received.length;
    const held = holdNext();
    const review = await notifier.tell([SLOW]);
    await held.reached;
    await notifier.cancel(review, 'too late');
    await known(review);
    held.answer(503);
    expect((await ended(review)).summary.by_channel).toEqual({ webhook: { waived: 1 } });
    expect(notifier.slow.received.length - before).toBe(1);
    expect(await historyOf(review)).toMatchObject([{ to_state: 'waived', cause: 'cancelled' }]);
  });

  it('ING-13.b holds for its generation: what an operator replays later is told', async () => {
    notifier.mail.behave('refuse_recipient');
    const review = await notifier.tell([DEV]);
    await notifier.deliveries(review, 'failed_permanent');
    notifier.mail.behave('accept');
    await notifier.cancel(review, 'no more');
    await known(review);
    await notifier.deliveries(review, 'failed_permanent');
    await notifier.replay(review, {});
    await notifier.deliveries(review, 'sent');
  });
});
