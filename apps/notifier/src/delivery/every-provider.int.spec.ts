import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer, cut, ignore } from '../providers/conformance/http-receiver.fixture.js';
import { StatementGate } from './statement-gate.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SMTP: Recipient = { channel: 'email', address: 'dev@example.org' };
const RESEND: Recipient = { channel: 'email', address: 'dev@resend.example' };
const POSTMARK: Recipient = { channel: 'email', address: 'dev@postmark.example' };
const SLACK: Recipient = { channel: 'slack', address: 'reviews' };
/** In the order in which the fixture reads deliveries. */
const HTTP_PROVIDERS = [POSTMARK, RESEND, SLACK];
const QUICK = { ASSAY_LEASE_MS: '4000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '1900' };

jest.setTimeout(240_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

async function kill(worker: ChildProcess): Promise<void> {
  worker.kill('SIGKILL');
  await once(worker, 'exit');
}

/** Mails and messages that people see. */
const seen = () => [notifier.postmark.mails.length, notifier.resend.mails.length, notifier.slack.posted.length];

async function isUnknownWithDeadLetter(review: ReviewValidated): Promise<void> {
  await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1), { within_ms: 20_000 });
  expect(notifier.deadOf(review)[0]).toMatchObject({
    error_class: 'OUTCOME_UNKNOWN',
    sanitized_context: expect.objectContaining({ destination: 'slack:reviews' }),
  });
}

describe('every provider', () => {
  it('DEL-5.j tells through all of them at once, mail by the domain of the address, and keeps what each says of it', async () => {
    await notifier.start();
    const review = await notifier.tell([SMTP, RESEND, POSTMARK, SLACK, BOT]);
    const rows = await notifier.deliveries(review, ...Array.from({ length: 5 }, () => 'sent'));
    const ids = rows.map(({ channel, address, notification_id }) => [channel, address, notification_id]);
    expect(ids.slice(1, 3)).toEqual([
      ['email', 'dev@postmark.example', notifier.postmark.mails[0]!.id],
      ['email', 'dev@resend.example', notifier.resend.mails[0]!.id],
    ]);
    expect([notifier.mail.accepted.length, notifier.bot.received.length, ...seen()]).toEqual([1, 1, 1, 1, 1]);
    expect(notifier.settledOf(review).at(-1)!.summary.by_channel).toEqual({
      email: { sent: 3 },
      slack: { sent: 1 },
      webhook: { sent: 1 },
    });
  });

  it('DEL-9.b gives a Slack hook one message a second, and tells all the same what it refused for coming in a bunch', async () => {
    await notifier.start();
    const reviews = await Promise.all(Array.from({ length: 8 }, () => notifier.tell([SLACK])));
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    expect(notifier.slack.posted).toHaveLength(8);
    // Without a rate, five of eight at once would be beyond the burst that the hook takes.
    expect(notifier.slack.hook.rate_limited).toBeLessThan(5);
  });

  it('DEL-13.a asks, sends again or holds when the connection is cut after the message was taken', async () => {
    for (const server of [notifier.postmark, notifier.resend, notifier.slack]) server.afterwards(cut);
    await notifier.start();
    const review = await notifier.tell(HTTP_PROVIDERS);
    await eventually(() => expect(seen()).toEqual([1, 1, 1]), { within_ms: 20_000 });
    for (const server of [notifier.postmark, notifier.resend, notifier.slack]) server.afterwards(null);
    const [asked, again] = await notifier.deliveries(review, 'sent', 'sent', 'unknown');
    expect([asked!.notification_id, again!.notification_id]).toEqual([
      notifier.postmark.mails[0]!.id,
      notifier.resend.mails[0]!.id,
    ]);
    expect(seen()).toEqual([1, 1, 1]);
    expect(notifier.postmark.taken).toHaveLength(1);
    await isUnknownWithDeadLetter(review);
  });

  it('DEL-11.a waits until a mail may be seen before it believes that there is none, and then sends it once', async () => {
    notifier.postmark.refuse(answer(500));
    await notifier.start();
    const review = await notifier.tell([POSTMARK]);
    await eventually(() => expect(notifier.postmark.received.length).toBeGreaterThan(0), { within_ms: 20_000 });
    notifier.postmark.refuse(null);
    await notifier.deliveries(review, 'sent');
    expect(notifier.postmark.asked.length).toBeGreaterThan(0);
    expect(notifier.postmark.mails).toHaveLength(1);
  });

  it('DEL-7.d opens one dead letter for a key that a mail service refuses, and sends once it is taken again', async () => {
    notifier.resend.refuse(
      answer(403, {}, '{"statusCode":403,"name":"invalid_api_key","message":"API key is invalid"}'),
    );
    await notifier.start();
    const reviews = await Promise.all([1, 2, 3].map(() => notifier.tell([RESEND])));
    const about = () => notifier.dead.records.map((each) => each.json<{ subject_type: string; code: string }>());
    await eventually(
      () =>
        expect(about()).toContainEqual(
          expect.objectContaining({ subject_type: 'credential', code: 'mail_api_invalid_api_key' }),
        ),
      { within_ms: 20_000 },
    );
    notifier.resend.refuse(null);
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    expect(new Set(about().map(({ subject_type }) => subject_type))).toEqual(new Set(['credential']));
    expect(notifier.resend.mails).toHaveLength(3);
  });
});

describe('a worker that is killed', () => {
  it('DEL-13.b while the servers have the message: asked, sent again under its key, or unknown, and seen once each', async () => {
    for (const server of [notifier.postmark, notifier.resend, notifier.slack]) server.afterwards(ignore);
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell(HTTP_PROVIDERS);
    await eventually(() => expect(seen()).toEqual([1, 1, 1]), { within_ms: 20_000 });
    await kill(first);
    for (const server of [notifier.postmark, notifier.resend, notifier.slack]) server.afterwards(null);
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'sent', 'sent', 'unknown');
    expect(seen()).toEqual([1, 1, 1]);
    expect(notifier.resend.taken).toHaveLength(2);
    await isUnknownWithDeadLetter(review);
  });

  it('DEL-13.b between acceptance and the stored outcome: the same', async () => {
    const gate = await StatementGate.close(notifier.database, 'sent');
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell(HTTP_PROVIDERS);
    await gate.reached();
    await eventually(() => expect(seen()).toEqual([1, 1, 1]), { within_ms: 20_000 });
    await kill(first);
    await gate.turnAway();
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'sent', 'sent', 'unknown');
    expect(seen()).toEqual([1, 1, 1]);
  });

  it('DEL-13.b between intent and send: told once where it can be known, and marked where it cannot', async () => {
    const gate = await StatementGate.close(notifier.database, 'sending');
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell(HTTP_PROVIDERS);
    await gate.reached();
    first.kill('SIGSTOP');
    await gate.open();
    await notifier.deliveries(review, 'sending', 'sending', 'sending');
    await kill(first);
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'sent', 'sent', 'unknown');
    expect(seen()).toEqual([1, 1, 0]);
    await isUnknownWithDeadLetter(review);
  });
});

describe('a worker that is frozen', () => {
  it('DEL-13.c between intent and send until its successor is done sends nothing when it wakes', async () => {
    const gate = await StatementGate.close(notifier.database, 'sending');
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell(HTTP_PROVIDERS);
    await gate.reached();
    first.kill('SIGSTOP');
    await gate.open();
    const successor = await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'sent', 'sent', 'unknown');
    await kill(successor);
    first.kill('SIGCONT');
    // What is told now is told by the one that woke, which has come to its own before.
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect(seen()).toEqual([1, 1, 0]);
    await notifier.deliveries(review, 'sent', 'sent', 'unknown');
  });
});

describe('a provider that is no longer the one', () => {
  it('DEL-3.f is asked all the same what became of a message that it may have sent', async () => {
    notifier.postmark.afterwards(ignore);
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell([POSTMARK]);
    await eventually(() => expect(notifier.postmark.mails).toHaveLength(1), { within_ms: 20_000 });
    await kill(first);
    await notifier.routeMail({ 'postmark.example': { via: 'resend' } });
    await notifier.spawn(QUICK);
    const [row] = await notifier.deliveries(review, 'sent');
    expect(row!.notification_id).toBe(notifier.postmark.mails[0]!.id);
    expect([notifier.postmark.mails.length, notifier.resend.mails.length]).toEqual([1, 0]);
    const next = await notifier.tell([POSTMARK]);
    await notifier.deliveries(next, 'sent');
    expect(notifier.resend.mails).toHaveLength(1);
  });
});
