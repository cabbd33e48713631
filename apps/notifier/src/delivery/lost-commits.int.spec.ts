import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually, PostgresProxy } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };

jest.setTimeout(90_000);

let notifier: NotifierFixture;
let proxy: PostgresProxy;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  proxy = await PostgresProxy.start(notifier.database.url);
});
afterEach(async () => {
  proxy.lift();
  await notifier.close();
  await proxy.close();
});

const viaProxy = (over: Record<string, string> = {}) =>
  notifier.start({ DB_URL: proxy.url(notifier.database.url), ...over });

/** Tells of so many reviews, each with recipients of its own. */
async function tellOf(n: number, recipients: (index: number) => Recipient[]): Promise<ReviewValidated[]> {
  return Promise.all(Array.from({ length: n }, (_, index) => notifier.tell(recipients(index))));
}

const mailTo = (index: number): Recipient[] => [{ channel: 'email', address: `dev${index}@example.org` }];

async function settled(): Promise<Record<string, number>> {
  const rows = await notifier.database.sql<{ state: string; n: string }>(
    'SELECT state, count(*) AS n FROM deliveries GROUP BY 1',
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
}

const subjects = async (state: string) =>
  (await notifier.database.sql<{ id: string }>('SELECT id FROM deliveries WHERE state = $1', [state])).map(
    ({ id }) => id,
  );

describe('commits whose answers are lost', () => {
  it('GEN-5.c, WQ-10.d opens a dead letter for each delivery that failed for good, with the answer of one commit in 5 lost', async () => {
    notifier.bot.behave(answer(410));
    await viaProxy();
    proxy.cutAfterCommit({ share: 1 / 5 });
    await tellOf(100, () => [BOT]);
    await eventually(async () => expect(await settled()).toEqual({ failed_permanent: 100 }), { within_ms: 60_000 });
    const failed = await subjects('failed_permanent');
    await eventually(
      () => {
        const dead = new Set(notifier.dead.records.map((record) => record.json<{ subject_id: string }>().subject_id));
        expect([...dead].sort()).toEqual(failed.sort());
      },
      { within_ms: 30_000 },
    );
    expect(proxy.cuts).toBeGreaterThan(5);
  });

  it('DEL-13.a, WQ-10.d tells each recipient once, with the answer of one commit in 4 lost', async () => {
    await viaProxy();
    proxy.cutAfterCommit({ share: 1 / 4 });
    const reviews = await tellOf(60, mailTo);
    await eventually(async () => expect(await settled()).toEqual({ sent: 60 }), { within_ms: 60_000 });
    const told = notifier.mail.accepted.flatMap(({ recipients }) => recipients);
    expect(told.sort()).toEqual(reviews.flatMap(({ recipients }) => recipients.map(({ address }) => address)).sort());
    expect(proxy.cuts).toBeGreaterThan(5);
    await eventually(() => {
      const ended = new Set(notifier.settled.records.map((record) => record.json<{ job_id: string }>().job_id));
      expect(ended.size).toBe(60);
    });
  });

  it('DEL-13.a tells each recipient once when one commit in 3 never arrives', async () => {
    await viaProxy();
    proxy.cutBeforeCommit({ share: 1 / 3, times: 12 });
    await tellOf(40, mailTo);
    await eventually(async () => expect(await settled()).toEqual({ sent: 40 }), { within_ms: 60_000 });
    expect(notifier.mail.accepted).toHaveLength(40);
  });
});

describe('a Postgres that takes no writes for a while', () => {
  async function readOnly(on: boolean): Promise<void> {
    const { name, sql } = notifier.database;
    await sql(`ALTER ROLE assay_notifier IN DATABASE ${name} SET default_transaction_read_only = ${on ? 'on' : 'off'}`);
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND usename = 'assay_notifier'`);
  }

  const untilAccepted = (n: number) =>
    eventually(() => expect(notifier.mail.accepted.length).toBeGreaterThanOrEqual(n), { within_ms: 30_000 });

  it.each([
    ['shorter than a lease', { ASSAY_LEASE_MS: '9000' }, 2_000],
    ['longer than a lease', { ASSAY_LEASE_MS: '2500', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '1000' }, 4_000],
  ])(
    'GEN-7.h, DEL-13.a keeps the answers of mails until they can be stored, %s, and tells nobody twice',
    async (_how, settings, lasts_ms) => {
      // Two: who of them wakes first must not take the other's work for lost.
      await Promise.all([notifier.start(settings), notifier.start(settings)]);
      await tellOf(150, mailTo);
      await untilAccepted(5);
      await readOnly(true);
      const [{ began }] = (await notifier.database.sql<{ began: Date }>('SELECT clock_timestamp() AS began')) as [
        { began: Date },
      ];
      await eventually(
        async () => {
          const [row] = await notifier.database.sql<{ over: boolean }>(
            `SELECT clock_timestamp() > $1::timestamptz + make_interval(secs => $2) AS over`,
            [began, lasts_ms / 1_000],
          );
          expect(row!.over).toBe(true);
        },
        { within_ms: lasts_ms + 10_000 },
      );
      await readOnly(false);
      await eventually(async () => expect(await settled()).toEqual({ sent: 150 }), { within_ms: 60_000 });
      expect(new Set(notifier.mail.accepted.flatMap(({ recipients }) => recipients)).size).toBe(150);
      expect(notifier.mail.accepted).toHaveLength(150);
      expect(notifier.dead.records).toEqual([]);
    },
  );
});
