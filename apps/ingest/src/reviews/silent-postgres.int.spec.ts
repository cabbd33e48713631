import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually, PostgresProxy } from '@assay/testing';
import { aSubmission, ingestFixture } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import { contestLocks } from './contest-locks.js';
import type { JobView } from './job.js';

/** A caller is answered within the 2 s of acceptance, and what a busy machine takes beside. */
const ANSWERED_WITHIN_MS = 3_500;
const UNREADY_AFTER_MS = 1_000;

let fixture: IngestFixture;
let proxy: PostgresProxy;
let replica: Replica;
beforeAll(async () => {
  fixture = await ingestFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  proxy = await PostgresProxy.start(fixture.database.url);
  replica = await fixture.start({
    DB_URL: proxy.url(fixture.database.url),
    ASSAY_POSTGRES_UNREADY_AFTER_MS: String(UNREADY_AFTER_MS),
  });
});
afterEach(async () => {
  proxy.lift();
  await replica.stop();
  await proxy.close();
});

interface Answered {
  status: number;
  took_ms: number;
  retry_after: unknown;
}

async function post(body = aSubmission()): Promise<Answered> {
  const begun_ms = performance.now();
  const { status, headers } = await replica.post(body);
  return { status, took_ms: performance.now() - begun_ms, retry_after: headers['retry-after'] };
}

/** So many submissions, so far apart; the pace is what is tested, not something to wait for. */
async function submitAt(interval_ms: number, n: number): Promise<Answered[]> {
  const answers: Promise<Answered>[] = [];
  for (let submitted = 0; submitted < n; submitted += 1) {
    answers.push(post());
    await pause(interval_ms);
  }
  return Promise.all(answers);
}

const health = async (path: '/readyz' | '/livez') => (await replica.probe(path)).status;
const statuses = (answers: readonly Answered[]) => [...new Set(answers.map(({ status }) => status))].sort();
const longest = (answers: readonly Answered[]) => Math.max(...answers.map(({ took_ms }) => took_ms));
const shortest = (answers: readonly Answered[]) => Math.min(...answers.map(({ took_ms }) => took_ms));
/** Opens the whole pool. */
const warmUp = () => Promise.all(Array.from({ length: 40 }, () => replica.get('/v1/reviews').expect(200)));

describe('a Postgres that does not answer', () => {
  it('GEN-10.a, GEN-10.b answers every caller in time while standing connections are silent, and goes on by new ones', async () => {
    await warmUp();
    expect(proxy.connections).toBeGreaterThan(4);
    proxy.blackHole('standing');
    const during = await submitAt(10, 400);
    expect(longest(during)).toBeLessThan(ANSWERED_WITHIN_MS);
    expect(statuses(during)).toEqual([202, 503]);
    expect(during.filter(({ status }) => status === 503).every(({ retry_after }) => Number(retry_after) > 0)).toBe(
      true,
    );
    // The silent ones have been found and given up: without lifting anything.
    expect(statuses(await submitAt(5, 50))).toEqual([202]);
  });

  it('GEN-10.b goes on beside the one backend that is stuck in the middle of its work', async () => {
    await warmUp();
    await post();
    const [backend] = await fixture.database.sql<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'assay_ingest'
       ORDER BY state_change DESC LIMIT 1`,
    );
    process.kill(backend!.pid, 'SIGSTOP');
    try {
      const during = await submitAt(20, 150);
      expect(longest(during)).toBeLessThan(ANSWERED_WITHIN_MS);
      expect(during.filter(({ status }) => status === 202).length).toBeGreaterThan(100);
    } finally {
      process.kill(backend!.pid, 'SIGCONT');
    }
  });

  it('GEN-10.a, GEN-10.c, GEN-10.e answers 503 from a black hole, is unready after a while, alive, and ready once it is over', async () => {
    await post();
    proxy.blackHole('all');
    const during = await submitAt(20, 100);
    expect(longest(during)).toBeLessThan(ANSWERED_WITHIN_MS);
    expect(statuses(during)).toEqual([503]);
    expect(await health('/livez')).toBe(200);
    await eventually(async () => expect(await health('/readyz')).toBe(503));
    proxy.lift();
    await eventually(async () => expect(await health('/readyz')).toBe(200));
    expect(await health('/livez')).toBe(200);
    expect((await post()).status).toBe(202);
  });

  it('ING-10.f answers 503 to a submission whose commit was answered to nobody, and the same key finds the job', async () => {
    const body = aSubmission();
    proxy.cutAfterCommit();
    expect(await post(body)).toMatchObject({ status: 503, retry_after: expect.anything() });
    proxy.lift();
    const again = await replica.post(body);
    expect(again.status).toBe(200);
    expect(again.headers['idempotency-replayed']).toBe('true');
    const jobs = await fixture.database.sql('SELECT id FROM jobs WHERE idempotency_key = $1', [body.idempotency_key]);
    expect(jobs).toEqual([{ id: (again.body as JobView).job_id }]);
  });

  it('WQ-10.b accepts each job once, ends it and tells of its end, with the answer of one commit in 3 lost', async () => {
    const settled = await fixture.kafka.consume('review.settled');
    proxy.cutAfterCommit({ share: 1 / 3 });
    const jobs = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const body = aSubmission();
        return eventually(async () => {
          const answer = await replica.post(body);
          expect([200, 202]).toContain(answer.status);
          return answer.body as JobView;
        });
      }),
    );
    const summary = { open: 0, failed: 0, by_channel: {} };
    for (const job of jobs) await replica.tell(job, 'delivery.settled', { summary, deliveries: [] });
    const ids = jobs.map(({ job_id }) => job_id).sort();
    await eventually(
      () => {
        const told = settled.records.map((record) => record.json<{ job_id: string }>().job_id);
        expect([...new Set(told)].sort()).toEqual(ids);
      },
      { within_ms: 40_000 },
    );
    expect(new Set(settled.records.map(({ headers }) => headers['ce_id'])).size).toBe(30);
    expect(proxy.cuts).toBeGreaterThan(3);
  });

  it('GEN-7.f holds up nobody for the locks that one session hangs on to', async () => {
    const body = aSubmission();
    const letGo = await holdLocksOf(body);
    try {
      const [stuck, ...others] = await Promise.all([post(body), ...Array.from({ length: 30 }, () => post())]);
      expect(stuck!.status).toBe(503);
      expect(statuses(others)).toEqual([202]);
      expect(longest(others)).toBeLessThan(stuck!.took_ms);
    } finally {
      await letGo();
    }
    expect((await post(body)).status).toBe(202);
  });

  it('GEN-7.f stores what is held up for a moment at once, however many others are held up for long', async () => {
    const stuck = Array.from({ length: 6 }, () => aSubmission());
    const letGo = await Promise.all(stuck.map(holdLocksOf));
    try {
      const refused = Promise.all(stuck.map(post));
      const brief = aSubmission();
      const letGoSoon = await holdLocksOf(brief);
      const stored = post(brief);
      await pause(200);
      await letGoSoon();
      expect((await stored).status).toBe(202);
      expect(statuses(await refused)).toEqual([503]);
      expect((await stored).took_ms).toBeLessThan(shortest(await refused));
      // Where its time is over just as a commit looks at it, that commit's end is not known.
      await eventually(
        async () => {
          const { body } = await replica.post(stuck[0]!).expect(503);
          expect((body as { detail: string }).detail).toMatch(/^The submission was not stored: .* Send it again/);
        },
        { within_ms: 20_000 },
      );
    } finally {
      await Promise.all(letGo.map((end) => end()));
    }
  });

  it('GEN-10.f answers within one time limit, though each of its steps keeps to it', async () => {
    const body = aSubmission();
    await post(body);
    await warmUp();
    proxy.delay(1_500);
    const again = await post(body);
    expect(again.status).toBe(503);
    expect(again.took_ms).toBeLessThan(ANSWERED_WITHIN_MS);
  });
});

function holdLocksOf(body: Record<string, unknown>): Promise<() => Promise<void>> {
  return fixture.hold(
    contestLocks([{ source: 'acme', ...(body as { idempotency_key: string; changelist_id: string }) }]),
  );
}

describe('a Postgres that takes no writes', () => {
  const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'assay_ingest'`;

  /** As after a fail-over to a standby: sessions end, and new ones may only read. */
  async function readOnly(on: boolean): Promise<void> {
    const { name, sql } = fixture.database;
    await sql(`ALTER ROLE assay_ingest IN DATABASE ${name} SET default_transaction_read_only = ${on ? 'on' : 'off'}`);
    await sql(terminate);
  }

  it('GEN-7.i, GEN-10.c answers 503 and never 500, is unready after a while, and takes submissions again by itself', async () => {
    await post();
    await readOnly(true);
    const during = await submitAt(20, 100);
    expect(statuses(during)).toEqual([503]);
    expect(during.every(({ retry_after }) => Number(retry_after) > 0)).toBe(true);
    await eventually(async () => expect(await health('/readyz')).toBe(503));
    expect(await health('/livez')).toBe(200);
    await readOnly(false);
    await eventually(async () => expect(await health('/readyz')).toBe(200));
    await eventually(async () => expect((await post()).status).toBe(202));
  });
});
