import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer, ignore } from '../providers/conformance/http-receiver.fixture.js';
import { StatementGate } from './statement-gate.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };
const QUICK = { ASSAY_LEASE_MS: '4000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '1900' };

jest.setTimeout(90_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

async function kill(worker: ChildProcess): Promise<void> {
  worker.kill('SIGKILL');
  await once(worker, 'exit');
}

/** What each receiver took in, by key and body. */
function sentToBot(): string[] {
  return notifier.bot.received.map(({ headers, body }) => `${String(headers['webhook-id'])} ${body}`);
}

async function isUnknownWithDeadLetter(review: ReviewValidated): Promise<void> {
  await notifier.deliveries(review, 'unknown');
  await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1), { within_ms: 20_000 });
  expect(notifier.deadOf(review)[0]).toMatchObject({
    error_class: 'OUTCOME_UNKNOWN',
    summary: { open: 0, failed: 1 },
  });
}

describe('a worker that is killed', () => {
  it('DEL-13.b before its intent is committed leaves rows that were not sent: the next worker sends them once', async () => {
    const gate = await StatementGate.close(notifier.database, 'sending');
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell([DEV, BOT]);
    await gate.reached();
    await kill(first);
    await gate.turnAway();
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'sent', 'sent');
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([1, 1]);
  });

  it('DEL-13.b between intent and send: the webhook is sent once, the mail is unknown with a dead letter, neither is lost unmarked', async () => {
    const gate = await StatementGate.close(notifier.database, 'sending');
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell([DEV, BOT]);
    await gate.reached();
    first.kill('SIGSTOP');
    await gate.open();
    await notifier.deliveries(review, 'sending', 'sending');
    await kill(first);
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'unknown', 'sent');
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1), { within_ms: 20_000 });
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([1, 0]);
  });

  it('DEL-13.b while the receiver has the request: the same id and body go out again', async () => {
    notifier.bot.behave(ignore);
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(notifier.bot.received).toHaveLength(1), { within_ms: 20_000 });
    await kill(first);
    notifier.bot.behave(answer(204));
    await notifier.spawn(QUICK);
    const [row] = await notifier.deliveries(review, 'sent');
    expect(notifier.bot.received.length).toBeGreaterThan(1);
    expect(new Set(sentToBot()).size).toBe(1);
    const moves = await notifier.moves(row!.id);
    expect(moves.map(({ from_state, to_state }) => `${from_state} ${to_state}`)).toEqual([
      'null pending',
      'pending sending',
      'sending sending',
      'sending sent',
    ]);
    expect(new Set(moves.slice(1).map(({ actor }) => actor)).size).toBe(2);
  });

  it('DEL-13.b while the mail server has the mail: it is unknown, and accepted once', async () => {
    notifier.mail.behave('silent_after_accepting');
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell([DEV]);
    await eventually(() => expect(notifier.mail.accepted).toHaveLength(1), { within_ms: 20_000 });
    await kill(first);
    notifier.mail.behave('accept');
    await notifier.spawn(QUICK);
    await isUnknownWithDeadLetter(review);
    expect(notifier.mail.accepted).toHaveLength(1);
  });

  it('DEL-13.b between acceptance and the stored outcome: the webhook goes out again under its key, the mail does not', async () => {
    const gate = await StatementGate.close(notifier.database, 'sent');
    const first = await notifier.spawn(QUICK);
    const review = await notifier.tell([DEV, BOT]);
    await gate.reached();
    await eventually(() => {
      expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([1, 1]);
    });
    await kill(first);
    await gate.turnAway();
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'unknown', 'sent');
    expect(notifier.mail.accepted).toHaveLength(1);
    expect(new Set(sentToBot()).size).toBe(1);
  });
});

describe('a worker that is told to stop', () => {
  it('OPS-1.c, OPS-1.d ends within ten seconds, loses nothing and has nothing sent twice', async () => {
    const first = await notifier.spawn();
    const many = Array.from({ length: 10 }, (_, n): Recipient => ({
      channel: 'email',
      address: `dev${n}@example.org`,
    }));
    const reviews = await Promise.all(Array.from({ length: 10 }, () => notifier.tell([...many, BOT])));
    await eventually(() => expect(notifier.mail.accepted.length).toBeGreaterThan(5), { within_ms: 20_000 });
    const told = performance.now();
    first.kill('SIGTERM');
    const [code] = (await once(first, 'exit')) as [number];
    expect([code, performance.now() - told < 10_000]).toEqual([0, true]);
    await notifier.spawn();
    for (const review of reviews) await notifier.deliveries(review, ...Array.from({ length: 11 }, () => 'sent'));
    expect([notifier.mail.accepted.length, notifier.bot.received.length]).toEqual([100, 10]);
  });
});

describe('a worker that is frozen', () => {
  it('DEL-13.c between intent and send until its successor is done sends nothing when it wakes', async () => {
    const gate = await StatementGate.close(notifier.database, 'sending');
    const first = await notifier.spawn(QUICK);
    let log = '';
    first.stdout!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const review = await notifier.tell([DEV, BOT]);
    await gate.reached();
    first.kill('SIGSTOP');
    await gate.open();
    await notifier.spawn(QUICK);
    await notifier.deliveries(review, 'unknown', 'sent');
    first.kill('SIGCONT');
    await eventually(() => expect(log.match(/"event":"send_withheld"/g)).toHaveLength(2), { within_ms: 20_000 });
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([1, 0]);
    await notifier.deliveries(review, 'unknown', 'sent');
  });
});

describe('a worker that stalls', () => {
  it('DEL-14.a after its intent is committed sends no byte once lease less send time-out has passed, and is not in doubt', async () => {
    const gate = await StatementGate.close(notifier.database, 'sending');
    const worker = await notifier.spawn(QUICK);
    let log = '';
    worker.stdout!.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const review = await notifier.tell([DEV]);
    await gate.reached();
    worker.kill('SIGSTOP');
    await gate.open();
    await notifier.deliveries(review, 'sending');
    // The lease still holds for a while when the worker wakes, but not for a whole send.
    await eventually(
      async () => {
        const [item] = await notifier.database.sql<{ soon: boolean }>(
          `SELECT lease_expires_at < clock_timestamp() + interval '1 second' AS soon FROM work_items WHERE phase = 'work'`,
        );
        expect(item!.soon).toBe(true);
      },
      { within_ms: 10_000 },
    );
    worker.kill('SIGCONT');
    await eventually(() => expect(log).toContain('"event":"send_withheld"'), { within_ms: 20_000 });
    await notifier.deliveries(review, 'sent');
    expect(notifier.mail.accepted).toHaveLength(1);
  });
});

describe('workers whose host clocks are an hour off', () => {
  /** Every way of asking for the time is off, from the first line on. */
  const shifted = (hours: number): string[] => {
    const off = `class extends Now {
      constructor(...args) { if (args.length) super(...args); else super(Now.now() + ${hours * 3_600_000}); }
      static now() { return Now.now() + ${hours * 3_600_000}; } }`;
    return ['--import', `data:text/javascript,${encodeURIComponent(`const Now = Date; globalThis.Date = ${off};`)}`];
  };

  it('GEN-4.a retry, take over and send once, whichever way they are off', async () => {
    notifier.bot.behave(ignore);
    const ahead = await notifier.spawn(QUICK, shifted(1));
    const review = await notifier.tell([BOT, DEV]);
    await eventually(() => expect(notifier.bot.received).toHaveLength(1), { within_ms: 20_000 });
    await notifier.spawn(QUICK, shifted(-1));
    await kill(ahead);
    notifier.bot.behave(answer(204));
    await notifier.deliveries(review, 'sent', 'sent');
    expect(new Set(sentToBot()).size).toBe(1);
    expect(notifier.mail.accepted).toHaveLength(1);
    const [times] = await notifier.database.sql<{ sane: boolean }>(
      `SELECT bool_and(abs(extract(epoch FROM clock_timestamp() - notified_at)) < 120) AS sane FROM deliveries`,
    );
    expect(times!.sane).toBe(true);
  });
});
