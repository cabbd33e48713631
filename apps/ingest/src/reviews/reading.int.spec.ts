import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, PostgresProxy } from '@assay/testing';
import { aSubmission, deliveriesEnded, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { Caller, IngestFixture, Replica } from '../ingest.fixture.js';
import type { Hop, JobView } from './job.js';

let fixture: IngestFixture;
let one: Replica;
let two: Replica;

beforeAll(async () => {
  fixture = await ingestFixture();
  [one, two] = [await fixture.start(), await fixture.start()];
}, 60_000);
afterAll(() => fixture.close());

type JobWithTimeline = JobView & { timeline: Hop[] };

async function accepted(over: Record<string, unknown> = {}, as: Caller = 'acme'): Promise<JobView> {
  return (await one.post(aSubmission(over), { as }).expect(202)).body as JobView;
}
const read = async (job: JobView, as: Caller = 'acme') =>
  (await two.get(job.links.job, as).expect(200)).body as JobWithTimeline;

describe('GET /v1/reviews/{id}', () => {
  it('ING-8.a shows state, counts, the verdict on the versions and deliveries by state', async () => {
    const job = await accepted();
    await one.tell(job, 'review.validated', VALIDATED);
    await one.tell(job, 'delivery.settled', deliveriesEnded({ sent: 2, waived: 1 }));
    const settled = await eventually(async () => {
      const now = await read(job);
      expect(now.state).toBe('succeeded');
      return now;
    });
    expect(settled).toMatchObject({
      counts: { submitted: 3, kept: 2, dropped: 1, coerced: 1, by_code: { invalid_enum_value: 1 } },
      versions: { schema_verdict: 'exact', prompt_verdict: 'exact', read_as: '1.0' },
      deliveries: { open: 0, failed: 0, by_state: { sent: 2, waived: 1 } },
      links: { findings: `/v1/reviews/${job.job_id}/findings` },
    });
    expect(settled.settled_at).toMatch(/^\d{4}-.*\.\d{3}Z$/);
  });

  it('ING-8.b shows every hop with service, time, attempt and cause', async () => {
    const job = await accepted();
    await one.tell(job, 'stage.delayed', {
      ...{ stage: 'validate', subject_type: 'job', subject_id: job.job_id, attempt: 1, max_attempts: 5, summary: null },
      ...{ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'connection_refused', revision: 1 },
      ...{ next_due_at: '2026-01-01T00:00:01.000Z', occurred_at: '2026-01-01T00:00:00.000Z' },
    });
    await eventually(async () => expect((await read(job)).state).toBe('retryable_failed'));
    await one.tell(job, 'review.validated', { ...VALIDATED, revision: 2, occurred_at: '2026-01-01T00:00:02.000Z' });
    await eventually(async () => expect((await read(job)).state).toBe('in_progress'));
    await one.tell(job, 'delivery.settled', {
      ...deliveriesEnded({ sent: 1 }),
      occurred_at: '2026-01-01T00:00:03.000Z',
    });
    const { timeline } = await eventually(async () => {
      const now = await read(job);
      expect(now.state).toBe('succeeded');
      return now;
    });
    expect(timeline).toMatchObject([
      { service: 'ingest', event: 'review.submitted', from: null, to: 'queued', cause: 'submitted by acme-key' },
      {
        service: 'validator',
        event: 'stage.delayed',
        attempt: 1,
        cause: 'connection_refused',
        from: 'queued',
        to: 'retryable_failed',
        next_due_at: '2026-01-01T00:00:01.000Z',
      },
      { service: 'validator', event: 'review.validated', from: 'retryable_failed', to: 'in_progress' },
      { service: 'notifier', event: 'delivery.settled', from: 'in_progress', to: 'succeeded' },
    ]);
  });

  it('GEN-1.b, GEN-1.c lists each transition with its time, actor and cause', async () => {
    const job = await accepted();
    await one.tell(job, 'review.validated', { ...VALIDATED, outcome: 'rejected', rejection: REJECTION, result: null });
    const { timeline } = await eventually(async () => {
      const now = await read(job);
      expect(now.state).toBe('failed');
      return now;
    });
    expect(timeline.filter(({ to }) => to !== null)).toMatchObject([
      { to: 'queued', at: job.accepted_at, service: 'ingest', cause: 'submitted by acme-key' },
      { from: 'queued', to: 'failed', at: expect.any(String), service: 'validator', cause: 'schema_mismatch' },
    ]);
    for (const { at } of timeline) expect(Date.parse(at)).not.toBeNaN();
  });

  it('SEC-6.e answers 404 for the job of another source, for none and for nonsense', async () => {
    const job = await accepted({}, 'other');
    await two.get(job.links.job, 'other').expect(200);
    await two.get(job.links.job, 'operator').expect(200);
    for (const path of [job.links.job, '/v1/reviews/01890000-0000-7000-8000-000000000000', '/v1/reviews/x']) {
      expect((await two.get(path).expect(404)).body).toMatchObject({ code: 'not_found' });
    }
  });

  it('ING-8.c answers as soon as the job is terminal, whichever replica is asked', async () => {
    const job = await accepted();
    const asked = [one, two].map((replica) => replica.get(`${job.links.job}?wait_s=30`).then((answer) => answer));
    const begun_at = performance.now();
    await one.tell(job, 'review.validated', VALIDATED);
    await one.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    const answers = await Promise.all(asked);
    expect(performance.now() - begun_at).toBeLessThan(10_000);
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(body).toMatchObject({ state: 'succeeded' });
    }
  });

  it('ING-8.c answers at once for a job that has ended, and with the job as it is when the time is up', async () => {
    const job = await accepted();
    expect((await two.get(`${job.links.job}?wait_s=1`).expect(200)).body).toMatchObject({ state: 'queued' });
    await one.tell(job, 'review.validated', { ...VALIDATED, outcome: 'rejected', rejection: REJECTION, result: null });
    await eventually(async () => expect((await read(job)).state).toBe('failed'));
    expect((await two.get(`${job.links.job}?wait_s=30`).expect(200)).body).toMatchObject({ state: 'failed' });
  });

  it('OPS-1.b answers those who wait when it is told to stop, and stops in time', async () => {
    const leaving = await fixture.start({ ASSAY_KAFKA_GROUP: 'leaving' });
    const job = await accepted();
    const waiting = leaving.get(`${job.links.job}?wait_s=60`).then((answer) => answer);
    const arrived = leaving.get(job.links.job).then((answer) => answer);
    expect((await arrived).status).toBe(200);
    const begun_at = performance.now();
    await leaving.stop();
    expect(performance.now() - begun_at).toBeLessThan(10_000);
    expect(await waiting).toMatchObject({ status: 200, body: { state: 'queued' } });
  });

  it('ING-8.c refuses to wait longer than a minute', async () => {
    const job = await accepted();
    for (const wait_s of ['61', '-1', 'x']) await two.get(`${job.links.job}?wait_s=${wait_s}`).expect(400);
  });
});

const REJECTION = { class: 'SCHEMA_INVALID', code: 'schema_mismatch' } as const;

describe('GET /v1/reviews/{id} from a Postgres whose answers come late', () => {
  const MOVE = `WITH moved AS (UPDATE jobs SET generation = generation + 1 WHERE id = $1 RETURNING *)
    INSERT INTO job_timeline (job_id, event_id, generation, revision, occurred_at, service, stage, type, cause)
    SELECT id, generation::text, generation, 1, clock_timestamp(), 'spec', 'ingest', 'spec', 'spec' FROM moved`;

  let proxy: PostgresProxy;
  let late: Replica;
  beforeAll(async () => {
    proxy = await PostgresProxy.start(fixture.database.url);
    late = await fixture.start({ DB_URL: proxy.url(fixture.database.url) });
  });
  afterAll(async () => {
    proxy.lift();
    await late.stop();
    await proxy.close();
  });

  it('GEN-1.c shows a job and its timeline as they were at one moment, while they change', async () => {
    const job = await accepted();
    const read = async () =>
      (await late.get(job.links.job).expect(200)).body as JobWithTimeline & { generation: number };
    const views: Awaited<ReturnType<typeof read>>[] = [];
    let under_way = true;
    const changing = (async () => {
      while (under_way) await fixture.database.sql(MOVE, [job.job_id]);
    })();
    proxy.delay(60);
    try {
      // Until three moments were seen.
      while (new Set(views.map(({ generation }) => generation)).size < 3) {
        views.push(...(await Promise.all([read(), read(), read(), read()])));
      }
    } finally {
      under_way = false;
      await changing;
    }
    expect(views.map(({ generation }) => generation)).toEqual(views.map(({ timeline }) => timeline.at(-1)!.generation));
  });
});

describe('GET /v1/reviews', () => {
  const list = async (query: string, as: Caller = 'acme') =>
    (await two.get(`/v1/reviews?${query}`, as).expect(200)).body as { items: JobView[]; next_cursor: string | null };

  it('ING-8.d pages by cursor, newest first, every job once', async () => {
    const { changelist_id } = aSubmission();
    const made: string[] = [];
    for (let review_version = 1; review_version <= 7; review_version += 1) {
      made.push((await accepted({ changelist_id, review_version, rerun: true })).job_id);
    }
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await list(`changelist_id=${String(changelist_id)}&limit=3${cursor && `&cursor=${cursor}`}`);
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ job_id }) => job_id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(made.toReversed());
  });

  it('ING-8.d filters by changelist, state and time', async () => {
    const failed = await accepted();
    await one.tell(failed, 'review.validated', {
      ...VALIDATED,
      outcome: 'rejected',
      rejection: REJECTION,
      result: null,
    });
    await eventually(async () => expect((await read(failed)).state).toBe('failed'));
    const queued = await accepted({ changelist_id: failed.changelist_id });
    const of = async (query: string) =>
      (await list(`changelist_id=${failed.changelist_id}&${query}`)).items.map(({ job_id }) => job_id);
    expect(await of('')).toEqual([queued.job_id, failed.job_id]);
    expect(await of('state=failed')).toEqual([failed.job_id]);
    expect(await of('state=queued')).toEqual([queued.job_id]);
    expect(await of(`created_after=${queued.accepted_at}`)).not.toContain(failed.job_id);
    expect(await of('created_after=2999-01-01T00:00:00Z')).toEqual([]);
  });

  it('GEN-8.b shows a source its own jobs alone, and an operator all that it may see', async () => {
    const { changelist_id } = aSubmission();
    const [mine, theirs] = [await accepted({ changelist_id }), await accepted({ changelist_id }, 'other')];
    const ids = async (as: Caller) =>
      (await list(`changelist_id=${String(changelist_id)}`, as)).items.map(({ job_id }) => job_id);
    expect(await ids('acme')).toEqual([mine.job_id]);
    expect(await ids('other')).toEqual([theirs.job_id]);
    expect((await ids('operator')).toSorted()).toEqual([mine.job_id, theirs.job_id].toSorted());
  });

  const forged = Buffer.from('2026-02-31T00:00:00.000000Z 01890000-0000-7000-8000-000000000000').toString('base64url');

  it.each([
    'state=nonsense',
    'cursor=nonsense',
    `cursor=${forged}`,
    'limit=0',
    'limit=x',
    'created_after=yesterday',
    'created_after=2026-W05-1',
    'created_after=0000-01-01T00:00:00Z',
    'changelist_id=a%00b',
    'changelist_id=a&changelist_id=b',
    'unknown=1',
  ])('ING-10.a points at the bad query %s', async (query) => {
    const { body } = await two.get(`/v1/reviews?${query}`).expect(400);
    const { code, errors } = body as { code: string; errors: { pointer: string }[] };
    expect({ code, pointer: errors[0]!.pointer }).toEqual({
      code: 'invalid_request',
      pointer: `?${query.split('=')[0]}`,
    });
  });
});
