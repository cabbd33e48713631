import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { Recipient, StageDeadLettered, StageDelayed } from '@assay/contracts';
import { renderMetrics } from '@assay/observability';
import { eventually } from '@assay/testing';
import { simpleParser } from 'mailparser';
import { Webhook } from 'standardwebhooks';
import { NotifierFixture, WEBHOOK_SECRET } from '../notifier.fixture.js';
import { answer, cut } from '../providers/conformance/http-receiver.fixture.js';
import { mayMove } from './delivery-states.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };
const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };

jest.setTimeout(60_000);

/** The wait for a destination, and not for the next attempt. */
const isFar = (time: string): boolean => Date.parse(time) > Date.now() + 3_600_000;

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

/** From a review's news to its delivery, of as many as are told one after the other. */
async function medianToSentMs(many: number): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < many; n += 1) {
    const began = performance.now();
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    took.push(performance.now() - began);
  }
  return took.sort((a, b) => a - b)[Math.floor(many / 2)]!;
}

describe('deliveries', () => {
  it('DEL-3.a sends once its intent is committed, and stores evidence and state in one write', async () => {
    await notifier.database.sql('CREATE TABLE writes (n serial, state text, id text, at timestamptz)');
    await notifier.database.sql(`CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
      $$ BEGIN INSERT INTO notifier.writes (state, id, at) VALUES (NEW.state, NEW.notification_id, NEW.notified_at); RETURN NULL; END $$`);
    await notifier.database.sql('CREATE TRIGGER note AFTER UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION note()');
    let seen: object[] | undefined;
    notifier.bot.behave((response) => {
      void notifier.database
        .sql(
          `SELECT d.state, d.intent_token = w.lease_token AS claimed, d.notified_at FROM deliveries AS d
          JOIN work_items AS w ON w.id = d.intent_item_id`,
        )
        .then((rows) => ((seen = rows), response.writeHead(204).end()));
    });
    await notifier.start();
    const review = await notifier.tell([BOT]);
    const [row] = await notifier.deliveries(review, 'sent');
    expect(seen).toEqual([{ state: 'sending', claimed: true, notified_at: null }]);
    expect(await notifier.database.sql('SELECT state, id, at IS NOT NULL AS notified FROM writes ORDER BY n')).toEqual([
      { state: 'sending', id: null, notified: false },
      { state: 'sent', id: row!.notification_id, notified: true },
    ]);
  });

  it('DEL-3.a tells each recipient once, with evidence of each', async () => {
    await notifier.start();
    const review = await notifier.tell([DEV, BOT]);
    const rows = await notifier.deliveries(review, 'sent', 'sent');
    expect(rows.every(({ notification_id }) => notification_id !== null)).toBe(true);
    const { headers, body } = notifier.bot.received[0]!;
    new Webhook(WEBHOOK_SECRET).verify(body, headers as Record<string, string>);
    const mail = await simpleParser(notifier.mail.accepted[0]!.raw);
    expect(mail.subject).toContain(review.changelist_id);
    await eventually(() => {
      const last = notifier.settledOf(review).at(-1)!;
      expect(last.summary).toEqual({ open: 0, failed: 0, by_channel: { email: { sent: 1 }, webhook: { sent: 1 } } });
    });
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([1, 1]);
  });

  it('GEN-2.a sends nothing again when the same event comes again', async () => {
    await notifier.start();
    const review = await notifier.tell([BOT]);
    await notifier.deliveries(review, 'sent');
    await eventually(() => expect(notifier.settledOf(review)).toHaveLength(1));
    await notifier.tellAgain(review);
    await eventually(() => expect(notifier.settledOf(review)).toHaveLength(2));
    const ids = notifier.settled.records.map(({ headers }) => headers['ce_id']);
    expect(new Set(ids).size).toBe(1);
    expect(notifier.bot.received).toHaveLength(1);
  });

  it('GEN-2.c sends nothing again after the offsets of its group were set back to the beginning', async () => {
    const first = await notifier.start();
    const review = await notifier.tell([BOT, DEV]);
    await notifier.deliveries(review, 'sent', 'sent');
    await first.stop();
    const known = async () =>
      Number(/^assay_notifier_reviews_total\{taken="known"\} (\d+)/m.exec(await renderMetrics())?.[1] ?? 0);
    const known_before = await known();
    const admin = notifier.kafka.client.admin();
    await admin.connect();
    const groupId = notifier.env['ASSAY_KAFKA_GROUP']!;
    await admin.resetOffsets({ groupId, topic: notifier.kafka.topic('review.validated'), earliest: true });
    await admin.disconnect();
    await notifier.start();
    await eventually(async () => expect(await known()).toBe(known_before + 1), { within_ms: 20_000 });
    // Taken in after it: what it gave to do has begun before this ends.
    const marker = await notifier.tell([BOT, DEV]);
    await notifier.deliveries(marker, 'sent', 'sent');
    await notifier.deliveries(review, 'sent', 'sent');
    expect([notifier.bot.received.length, notifier.mail.accepted.length]).toEqual([2, 2]);
  });

  it('DEL-2.a, GEN-1.b, GEN-6.d stores every transition with time, actor and cause, a retry too, and counts it', async () => {
    await notifier.start({ ASSAY_INSTANCE: 'the-one' });
    notifier.mail.behave('busy');
    const review = await notifier.tell([DEV]);
    await eventually(() => expect(notifier.delayed.records.length).toBeGreaterThan(0));
    notifier.mail.behave('accept');
    const [row] = await notifier.deliveries(review, 'sent');
    const moves = await notifier.moves(row!.id);
    for (const { from_state, to_state, cause } of moves) {
      expect([from_state, to_state, cause, mayMove(from_state, to_state, cause)].at(-1)).toBe(true);
    }
    expect(moves[0]).toMatchObject({ from_state: null, to_state: 'pending', cause: 'review_validated' });
    expect(moves.at(-1)).toMatchObject({ from_state: 'sending', to_state: 'sent', actor: 'the-one' });
    moves.slice(1).forEach((move, index) => expect(move.from_state).toBe(moves[index]!.to_state));
    expect(moves.map(({ to_state }) => to_state)).toContain('retry_scheduled');
    for (const { at, actor } of moves) {
      expect(Math.abs(Date.now() - at.getTime())).toBeLessThan(60_000);
      expect(actor).not.toBe('');
    }
    expect(await renderMetrics()).toMatch(/^assay_deliveries_total\{channel="email",state="retry_scheduled"\} [1-9]/m);
  });

  it('DEL-10.a DEL-4.c ends a recipient that is gone as failed_permanent, with a dead letter, at the first attempt', async () => {
    await notifier.start();
    notifier.bot.behave(answer(410));
    const review = await notifier.tell([BOT]);
    const [row] = await notifier.deliveries(review, 'failed_permanent');
    expect(row).toMatchObject({
      error_class: 'RECIPIENT_INVALID',
      error_code: 'http_410',
      intent_at: null,
      maybe_sent_at: null,
    });
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
    expect(notifier.deadOf(review)[0]).toMatchObject({
      stage: 'notify',
      subject_type: 'delivery',
      subject_id: row!.id,
      error_class: 'RECIPIENT_INVALID',
      sanitized_context: { attempts: 1, upstream_status: 410, destination: 'webhook:bot' },
      summary: { open: 0, failed: 1, by_channel: { webhook: { failed_permanent: 1 } } },
    });
    expect(notifier.bot.received).toHaveLength(1);
  });

  it('DEL-6.a ends a recipient that names no configured endpoint as RECIPIENT_INVALID', async () => {
    await notifier.start();
    const review = await notifier.tell([{ channel: 'webhook', address: 'https://evil.example/hook' }]);
    await notifier.deliveries(review, 'failed_permanent');
    await eventually(() => expect(notifier.deadOf(review)[0]?.code).toBe('unknown_recipient'));
  });

  it('DLQ-3.c keeps addresses and contents out of the dead letter', async () => {
    await notifier.start();
    notifier.mail.behave('refuse_recipient');
    const secret_person = { channel: 'email' as const, address: 'planted.person@example.org' };
    const review = await notifier.tell([secret_person]);
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
    const text = JSON.stringify(notifier.deadOf(review)[0]);
    expect(text).not.toContain('planted.person');
    expect(text).not.toContain('The last element is never read');
  });

  it('DEL-8.c, DEL-8.g goes on patiently after the quick attempts, and gives up after one more attempt than the time', async () => {
    // Threshold out of reach: the circuit would park the row.
    await notifier.start({ ASSAY_NOTIFIER_CIRCUIT_FAILURES: '1000', ASSAY_NOTIFIER_GIVE_UP_AFTER_MS: '1500' });
    notifier.bot.behave(answer(503));
    const review = await notifier.tell([BOT]);
    await notifier.deliveries(review, 'failed_permanent');
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
    const attempts = notifier.bot.received.length;
    expect(attempts).toBeGreaterThan(6);
    expect(notifier.deadOf(review)[0]).toMatchObject({ code: 'http_503', sanitized_context: { attempts } });
    const [row] = await notifier.database.sql<{ lasted_ms: number }>(
      `SELECT (extract(epoch FROM $2::timestamptz - first_attempt_at) * 1000)::float8 AS lasted_ms
        FROM deliveries WHERE job_id = $1`,
      [review.job_id, notifier.deadOf(review)[0]!.last_failure_at],
    );
    expect(row!.lasted_ms).toBeGreaterThanOrEqual(1_500);
    const delays = notifier.delayed.records.map((each) => each.json<StageDelayed>());
    expect(delays.map(({ attempt }) => attempt).sort((a, b) => a - b)).toEqual(
      Array.from({ length: attempts - 1 }, (_, n) => n + 1),
    );
    expect(new Set(delays.map(({ max_attempts }) => max_attempts))).toEqual(new Set([null]));
    const revisions = [...delays, ...notifier.deadOf(review)].map(({ revision }) => revision);
    expect(new Set(revisions).size).toBe(attempts);
  });

  it('DEL-8.g counts from the first attempt by the database’s clock, and not from the row’s birth', async () => {
    await notifier.start({ ASSAY_NOTIFIER_CIRCUIT_FAILURES: '1000' });
    notifier.bot.behave(answer(503));
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(notifier.delayed.records).not.toHaveLength(0));
    const back = (column: string) =>
      notifier.database.sql(`UPDATE deliveries SET ${column} = ${column} - interval '25 hours' WHERE job_id = $1`, [
        review.job_id,
      ]);
    await back('created_at');
    const seen = notifier.bot.received.length + 3;
    await eventually(() => expect(notifier.bot.received.length).toBeGreaterThan(seen));
    expect(notifier.deadOf(review)).toEqual([]);
    await back('first_attempt_at');
    await notifier.deliveries(review, 'failed_permanent');
    await eventually(() => expect(notifier.deadOf(review)[0]).toMatchObject({ code: 'http_503' }));
  });

  it('DEL-8.g makes a last attempt through an open circuit for each row whose time is over', async () => {
    // Nobody probes: without it the rows would wait for an hour.
    await notifier.start({
      ASSAY_NOTIFIER_GIVE_UP_AFTER_MS: '1500',
      ASSAY_NOTIFIER_CIRCUIT_OPEN_MS: '3600000',
      ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS: '3600000',
    });
    notifier.bot.behave(answer(503));
    const first = await notifier.tell([BOT]);
    await eventually(() => expect(notifier.bot.received).toHaveLength(3));
    const others = [await notifier.tell([BOT]), await notifier.tell([BOT])];
    await eventually(
      () => {
        for (const review of [first, ...others]) expect(notifier.deadOf(review)).toHaveLength(1);
      },
      { within_ms: 20_000 },
    );
    // Three and the last; of each that had none before, the first, from which its own time runs, and the last.
    expect(notifier.bot.received).toHaveLength(8);
    for (const review of [first, ...others]) expect(notifier.deadOf(review)[0]).toMatchObject({ code: 'http_503' });
  });

  it('DEL-8.g gives no row up at its first attempt, however long something else has kept it before', async () => {
    await notifier.start({
      ASSAY_NOTIFIER_CIRCUIT_OPEN_MS: '3600000',
      ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS: '3600000',
    });
    const { sql } = notifier.database;
    const due = () => sql(`UPDATE work_items SET overdue_at = clock_timestamp() WHERE state = 'queued'`);
    notifier.bot.behave(answer(503));
    await notifier.tell([BOT]);
    await eventually(() => expect(notifier.bot.received).toHaveLength(3));
    const old = [await notifier.tell([BOT]), await notifier.tell([BOT])];
    const ids = old.map(({ job_id }) => job_id);
    await eventually(async () =>
      expect(await sql('SELECT FROM deliveries WHERE job_id = ANY ($1)', [ids])).toHaveLength(2),
    );
    // As rows that stood behind a slow lane, or before a service that was not there.
    await sql(
      `UPDATE deliveries SET created_at = created_at - interval '25 hours', waits_since = NULL WHERE job_id = ANY ($1)`,
      [ids],
    );
    await eventually(async () => {
      await due();
      expect(
        await sql('SELECT FROM deliveries WHERE job_id = ANY ($1) AND first_attempt_at IS NOT NULL', [ids]),
      ).toHaveLength(2);
    });
    for (const review of old) expect(notifier.deadOf(review)).toEqual([]);
    notifier.bot.behave(answer(204));
    await sql(
      `UPDATE deliveries SET first_attempt_at = first_attempt_at - interval '25 hours' WHERE job_id = ANY ($1)`,
      [ids],
    );
    await eventually(async () => {
      await due();
      expect(await sql(`SELECT FROM deliveries WHERE job_id = ANY ($1) AND state = 'sent'`, [ids])).toHaveLength(2);
    });
    expect(notifier.dead.records).toEqual([]);
  });

  it('DEL-8.b caps Retry-After for rows that an open circuit parks, too', async () => {
    await notifier.start({ ASSAY_NOTIFIER_RETRY_AFTER_CAP_MS: '300' });
    notifier.bot.behave(answer(429, { 'retry-after': '86400' }));
    const reviews = [await notifier.tell([BOT]), await notifier.tell([BOT]), await notifier.tell([BOT])];
    await eventually(
      () => expect(notifier.delayed.records.some((each) => isFar(each.json<StageDelayed>().next_due_at))).toBe(true),
      { within_ms: 20_000 },
    );
    notifier.bot.behave(answer(204));
    for (const review of reviews) await notifier.deliveries(review, 'sent');
  });

  it('DEL-7.m, DEL-8.c sends a greylisted mail whose server says "later" for longer than the quick attempts last', async () => {
    await notifier.start();
    notifier.mail.behave('busy');
    const review = await notifier.tell([DEV]);
    const attempts = () => Math.max(0, ...notifier.delayed.records.map((each) => each.json<StageDelayed>().attempt));
    await eventually(() => expect(attempts()).toBeGreaterThan(6), { within_ms: 20_000 });
    notifier.mail.behave('accept');
    await notifier.deliveries(review, 'sent');
    expect(notifier.dead.records).toEqual([]);
  });

  it('DEL-8.e parks during an outage without spending attempts, and delivers after it', async () => {
    await notifier.start();
    notifier.bot.behave(answer(503));
    const reviews = await Promise.all([1, 2, 3, 4, 5, 6].map(() => notifier.tell([BOT])));
    await eventually(() => expect(notifier.bot.received.length).toBeGreaterThan(30), { within_ms: 20_000 });
    // Those that were under way while it was closed still count.
    const [spent] = await notifier.database.sql<{ attempts: number; sends: number }>(
      `SELECT max(attempts)::int AS attempts, (SELECT count(*)::int FROM delivery_history) AS sends FROM work_items`,
    );
    expect(spent!.sends).toBeGreaterThan(25);
    expect(spent!.attempts).toBeLessThan(3);
    notifier.bot.behave(answer(204));
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    expect(notifier.dead.records).toEqual([]);
  });

  it('ING-11.g tells once until when a job may be silent that waits, and again when that has changed', async () => {
    // Both replicas find it waiting: the parent's row decides who tells.
    await Promise.all([notifier.start(), notifier.start({ ASSAY_INSTANCE: 'second' })]);
    notifier.bot.behave(answer(503));
    const review = await notifier.tell([BOT]);
    const waits = () =>
      notifier.delayed.records
        .map((record) => record.json<StageDelayed>())
        .filter(({ job_id, next_due_at }) => job_id === review.job_id && isFar(next_due_at));
    const told = (count: number) =>
      eventually(
        () => {
          expect(waits()).toHaveLength(count);
          return waits().at(-1)!;
        },
        { within_ms: 20_000 },
      );
    const first = await told(1);
    expect(first).toMatchObject({ stage: 'notify', subject_type: 'delivery', summary: { open: 1 }, generation: 0 });
    expect(first).toMatchObject({ code: 'http_503', error_class: 'DEPENDENCY_UNAVAILABLE' });
    const [row] = await notifier.database.sql<{ waits_s: number }>(
      `SELECT extract(epoch FROM $2::timestamptz - created_at)::float8 AS waits_s FROM deliveries WHERE job_id = $1`,
      [review.job_id, first.next_due_at],
    );
    expect(row!.waits_s).toBeGreaterThanOrEqual(24 * 3600 - 1);
    expect(row!.waits_s).toBeLessThan(24 * 3600 + 20);
    const parkedOften = notifier.bot.received.length + 8;
    await eventually(() => expect(notifier.bot.received.length).toBeGreaterThan(parkedOften), { within_ms: 20_000 });
    expect(waits()).toHaveLength(1);
    // As a delivery of the job does that settles; another replica has not asked for a minute.
    await notifier.database.sql('UPDATE reviews SET waits_until = NULL WHERE job_id = $1', [review.job_id]);
    await notifier.start({ ASSAY_INSTANCE: 'third' });
    expect((await told(2)).revision).toBeGreaterThan(first.revision);
    notifier.bot.behave(answer(204));
    await notifier.deliveries(review, 'sent');
    const [parent] = await notifier.database.sql('SELECT open, waits_until FROM reviews WHERE job_id = $1', [
      review.job_id,
    ]);
    expect(parent).toEqual({ open: 0, waits_until: null });
    expect(notifier.dead.records).toEqual([]);
  });

  it('ING-11.g, DEL-8.j says with every word until when the other deliveries of a job wait', async () => {
    await notifier.start({
      ...{ ASSAY_NOTIFIER_QUICK_ATTEMPTS: '1', ASSAY_NOTIFIER_PATIENT_FIRST_MS: '600000' },
      ASSAY_NOTIFIER_PATIENT_CAP_MS: '600000',
    });
    let settle = (): void => undefined;
    notifier.slow.behave((response) => (settle = () => void response.writeHead(204).end()));
    notifier.bot.behave(answer(503));
    const review = await notifier.tell([BOT, SLOW]);
    const [delayed] = await eventually(() => {
      expect(notifier.delayed.records).toHaveLength(1);
      return notifier.delayed.records.map((each) => each.json<StageDelayed>());
    });
    expect(delayed!.waits_until).toBe(delayed!.next_due_at);
    await eventually(() => expect(notifier.slow.received).toHaveLength(1));
    settle();
    const [waiting] = await notifier.deliveries(review, 'retry_scheduled', 'sent');
    await eventually(() => expect(notifier.settledOf(review)).toMatchObject([{ waits_until: delayed!.next_due_at }]));
    const [row] = await notifier.database.sql<{ same: boolean }>(
      `SELECT date_trunc('milliseconds', w.due_at) = d.next_attempt_at AS same FROM deliveries AS d
        JOIN work_items AS w ON w.subject_id = d.id::text AND w.queue = 'deliver' WHERE d.id = $1`,
      [waiting!.id],
    );
    expect(row).toEqual({ same: true });
  });

  it('DEL-9.d shows parked rows, their reason and how long the circuit has been open in the metrics', async () => {
    const replica = await notifier.start();
    notifier.bot.behave(answer(503));
    const review = await notifier.tell([BOT]);
    await eventually(
      async () => {
        const text = await (await fetch(`${replica.probes_url}/metrics`)).text();
        expect(text).toMatch(/parked_total\{destination="webhook:bot",reason="circuit_open"\} [1-9]/);
        expect(text).toMatch(/circuit_open_seconds\{destination="webhook:bot"\} \d*\.\d*[1-9]/);
        expect(text).toMatch(/assay_work_items\{queue="deliver",phase="work",state="queued"\} 1/);
      },
      { within_ms: 20_000 },
    );
    notifier.bot.behave(answer(204));
    await notifier.deliveries(review, 'sent');
  });

  it('DEL-8.d stops at once when a retry is answered by a permanent refusal', async () => {
    await notifier.start();
    notifier.bot.behave(answer(503));
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(notifier.delayed.records.length).toBeGreaterThan(0));
    notifier.bot.behave(answer(410));
    await notifier.deliveries(review, 'failed_permanent');
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
    expect(notifier.deadOf(review)[0]!.code).toBe('http_410');
    expect(notifier.deadOf(review)[0]!.sanitized_context['attempts']).toBeLessThan(5);
  });

  it('DEL-15.b puts the full summary of its parent into every event', async () => {
    await notifier.start();
    notifier.bot.behave(answer(410));
    notifier.slow.behave(answer(503));
    const review = await notifier.tell([BOT, SLOW, DEV]);
    await eventually(() => expect(notifier.delayed.records.length).toBeGreaterThan(0));
    notifier.slow.behave(answer(204));
    await notifier.deliveries(review, 'sent', 'failed_permanent', 'sent');
    await eventually(() => {
      const told = [notifier.settled, notifier.dead, notifier.delayed]
        .flatMap(({ records }) => records.map((each) => each.json<StageDelayed>()))
        .toSorted((a, b) => a.revision - b.revision);
      for (const { summary } of told) {
        const counted = Object.values(summary!.by_channel).flatMap((states) => Object.values(states));
        expect(counted.reduce((sum, n) => sum + n, 0)).toBe(3);
      }
      expect(told.at(-1)!.summary).toEqual({
        open: 0,
        failed: 1,
        by_channel: { email: { sent: 1 }, webhook: { failed_permanent: 1, sent: 1 } },
      });
    });
  });

  it('DEL-4.e holds a mail whose server closed after DATA, as unknown with a dead letter, and never sends it again', async () => {
    await notifier.start();
    notifier.mail.behave('cut_after_accepting');
    const review = await notifier.tell([DEV]);
    await notifier.deliveries(review, 'unknown');
    notifier.mail.behave('accept');
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
    expect(notifier.deadOf(review)[0]).toMatchObject({
      error_class: 'OUTCOME_UNKNOWN',
      summary: { open: 0, failed: 1, by_channel: { email: { unknown: 1 } } },
    });
    expect(notifier.mail.accepted).toHaveLength(1);
  });

  it('DEL-13.a sends again under the same id and with the same body when the receiver cut the connection', async () => {
    await notifier.start();
    notifier.bot.behave(cut);
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(notifier.bot.received.length).toBeGreaterThan(0));
    notifier.bot.behave(answer(204));
    await notifier.deliveries(review, 'sent');
    const sent = notifier.bot.received.map(({ headers, body }) => `${String(headers['webhook-id'])} ${body}`);
    expect(sent.length).toBeGreaterThan(1);
    expect(new Set(sent).size).toBe(1);
  });

  it('DEL-4.d ends as unknown when no ambiguous attempt was answered until the schedule ends', async () => {
    await notifier.start({ ASSAY_NOTIFIER_CIRCUIT_FAILURES: '100', ASSAY_NOTIFIER_GIVE_UP_AFTER_MS: '500' });
    notifier.bot.behave(answer(500));
    const review = await notifier.tell([BOT]);
    await notifier.deliveries(review, 'unknown');
    await eventually(() => expect(notifier.deadOf(review)[0]?.error_class).toBe('OUTCOME_UNKNOWN'));
  });

  it('DEL-7.d opens the circuit for a refused credential: one dead letter that lists the jobs, no attempt spent', async () => {
    await notifier.start();
    notifier.bot.behave(answer(401));
    const reviews = [await notifier.tell([BOT]), await notifier.tell([BOT]), await notifier.tell([BOT])];
    const letters = (): StageDeadLettered[] => notifier.dead.records.map((each) => each.json<StageDeadLettered>());
    const jobs = reviews.map(({ job_id }) => job_id).sort();
    await eventually(
      () => {
        const listed = letters().at(-1)?.sanitized_context['waiting_jobs'] as string[] | undefined;
        expect([...(listed ?? [])].sort()).toEqual(jobs);
      },
      { within_ms: 20_000 },
    );
    expect(new Set(letters().map(({ subject_id }) => subject_id)).size).toBe(1);
    expect(letters()[0]).toMatchObject({
      subject_type: 'credential',
      error_class: 'AUTHENTICATION_FAILED',
      job_id: null,
      sanitized_context: { destination: 'webhook:bot', credential_version: 1 },
    });
    expect(JSON.stringify(letters())).not.toContain(WEBHOOK_SECRET);
    notifier.bot.behave(answer(204));
    for (const review of reviews) await notifier.deliveries(review, 'sent');
    // Each told that it waits, with its first attempt still to be made.
    const told = notifier.delayed.records.map((each) => each.json<StageDelayed>());
    expect(told.map(({ job_id, code, attempt }) => [job_id, code, attempt]).sort()).toEqual(
      jobs.map((job_id) => [job_id, 'http_401', 1]),
    );
  });

  it('DEL-9.a leaves other destinations at speed while one does not answer', async () => {
    // No send to the silent one ends before the others are measured: whatever waits for one of them is not sent.
    await notifier.start({
      ...{ ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '29000', ASSAY_LEASE_MS: '60000' },
      ASSAY_SHUTDOWN_GRACE_MS: '30000',
    });
    await medianToSentMs(3);
    const alone_ms = await medianToSentMs(9);
    const silent: ServerResponse[] = [];
    notifier.slow.behave((response) => void silent.push(response));
    // More than a worker holds at once.
    await Promise.all(Array.from({ length: 600 }, () => notifier.tell([SLOW])));
    await eventually(
      async () => {
        const [waiting] = await notifier.database.sql('SELECT sum(open)::int AS open FROM reviews');
        expect(waiting).toEqual({ open: 600 });
        expect(silent).toHaveLength(8);
      },
      { within_ms: 20_000 },
    );
    const beside_ms = await medianToSentMs(9);
    expect(silent).toHaveLength(8);
    notifier.slow.behave(answer(204));
    for (const response of silent) response.writeHead(204).end();
    // Measured 30 to 50 ms alone and 100 to 240 ms beside, on a busy machine.
    expect(beside_ms).toBeLessThan(alone_ms + 1_000);
  });

  it('DEL-15.a ends a job exactly once when workers of two replicas finish its deliveries together', async () => {
    await Promise.all([notifier.start(), notifier.start()]);
    const many = Array.from({ length: 12 }, (_, n): Recipient => ({
      channel: 'email',
      address: `dev${n}@example.org`,
    }));
    const reviews = await Promise.all(Array.from({ length: 3 }, () => notifier.tell([...many, BOT])));
    for (const review of reviews) {
      await notifier.deliveries(review, ...Array.from({ length: 13 }, () => 'sent'));
      await eventually(() => expect(notifier.settledOf(review).some(({ summary }) => summary.open === 0)).toBe(true));
      const ended = notifier.settledOf(review).filter(({ summary }) => summary.open === 0);
      expect(new Set(ended.map(({ revision }) => revision)).size).toBe(1);
      expect(ended[0]!.summary).toEqual({
        open: 0,
        failed: 0,
        by_channel: { email: { sent: 12 }, webhook: { sent: 1 } },
      });
    }
  });
});
