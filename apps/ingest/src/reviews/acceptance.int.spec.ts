import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import type { ReviewSubmitted } from '@assay/contracts';
import { aSubmission, deliveriesEnded, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import type { JobView } from './job.js';

let fixture: IngestFixture;
let one: Replica;
let two: Replica;
let submitted: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  submitted = await fixture.kafka.consume('review.submitted');
  [one, two] = [await fixture.start(), await fixture.start()];
}, 60_000);
afterAll(() => fixture.close());

const submittedOf = (job_id: string) => submitted.records.filter(({ headers }) => headers['ce_subject'] === job_id);
const jobCount = async (changelist_id: unknown) =>
  (await fixture.database.sql('SELECT 1 FROM jobs WHERE changelist_id = $1', [changelist_id])).length;

async function accepted(over: Record<string, unknown> = {}): Promise<JobView> {
  return (await one.post(aSubmission(over)).expect(202)).body as JobView;
}

async function ended(job: JobView, states: Record<string, number>, failed = 0): Promise<void> {
  await one.tell(job, 'review.validated', VALIDATED);
  await one.tell(job, 'delivery.settled', deliveriesEnded(states, failed));
  await eventually(async () => {
    const { body } = await one.get(job.links.job).expect(200);
    expect((body as JobView).settled_at).not.toBeNull();
  });
}

describe('a new submission', () => {
  it('ING-2.a is answered with 202, Location and the job', async () => {
    const body = aSubmission({ priority: 7 });
    const answer = await one.post(body).expect(202);
    const job = answer.body as JobView;
    expect(answer.headers['location']).toBe(`/v1/reviews/${job.job_id}`);
    expect(job).toMatchObject({
      source: 'acme',
      changelist_id: body['changelist_id'],
      review_version: 1,
      state: 'queued',
      generation: 0,
      priority: 7,
      outcome: 'accepted',
    });
    await one.get(job.links.job).expect(200);
  });

  it('ING-2.b is published as it came, once its commit is done', async () => {
    const text = `{"review_result":"\\u0000 \\ud800",  ${JSON.stringify(aSubmission({ review_result: undefined })).slice(1)}`;
    const job = (await one.post(text).expect(202)).body as JobView;
    const [record] = await eventually(() => {
      const records = submittedOf(job.job_id);
      expect(records).toHaveLength(1);
      return records;
    });
    expect(record!.value!.includes(Buffer.from(text))).toBe(true);
    expect(record!.key).toBe(`acme ${job.changelist_id}`);
    expect(record!.json<ReviewSubmitted>()).toMatchObject({ job_id: job.job_id, revision: 1, source: 'acme' });
  });

  it('OBS-1.c carries its correlation id and trace from the call to the topic', async () => {
    const trace_id = '0af7651916cd43dd8448eb211c80319c';
    const headers = { 'x-correlation-id': 'build-4711', traceparent: `00-${trace_id}-b7ad6b7169203331-01` };
    const answer = await one.post(aSubmission(), { headers }).expect(202);
    const job = answer.body as JobView;
    expect(answer.headers['x-correlation-id']).toBe('build-4711');
    expect(job.correlation_id).toBe('build-4711');
    const [record] = await eventually(() => {
      expect(submittedOf(job.job_id)).toHaveLength(1);
      return submittedOf(job.job_id);
    });
    expect(record!.headers['traceparent']).toContain(trace_id);
    expect(record!.json<ReviewSubmitted>().correlation_id).toBe('build-4711');
  });

  it('ING-2.b is answered after the commit, and stands or falls with its work item', async () => {
    // Deferred: it refuses the item when all is written, and the commit is all that is left.
    await fixture.database.sql(
      `CREATE FUNCTION refuse_item() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF EXISTS (SELECT FROM ingest.jobs WHERE id::text = NEW.subject_id AND changelist_id = 'refused-at-commit')
           THEN RAISE EXCEPTION 'refused'; END IF; RETURN NULL; END $$`,
    );
    await fixture.database.sql(
      `CREATE CONSTRAINT TRIGGER refuse_item AFTER INSERT ON work_items DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION ingest.refuse_item()`,
    );
    const refused = aSubmission({ changelist_id: 'refused-at-commit' });
    expect((await one.post(refused)).status).toBe(500);
    await fixture.database.sql('DROP TRIGGER refuse_item ON work_items');
    const jobs = () => fixture.database.sql('SELECT FROM jobs WHERE changelist_id = $1', [refused.changelist_id]);
    expect(await jobs()).toEqual([]);
    await one.post(refused).expect(202);
    expect(await jobs()).toHaveLength(1);
  });

  it('ING-2.b leaves no work item behind when Kafka has it', async () => {
    const { job_id } = await accepted();
    await eventually(async () => {
      expect(await fixture.database.sql('SELECT 1 FROM work_items WHERE subject_id = $1', [job_id])).toEqual([]);
    });
    expect(submittedOf(job_id)).toHaveLength(1);
  });

  it('ING-10.h is not refused because a neighbour of its commit is', async () => {
    await fixture.database.sql(
      `CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.changelist_id = 'poison' THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEW; END $$`,
    );
    await fixture.database.sql(
      'CREATE TRIGGER poison BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION ingest.refuse_poison()',
    );
    const bodies = Array.from({ length: 12 }, (_, n) => aSubmission(n === 5 ? { changelist_id: 'poison' } : {}));
    const answers = await Promise.all(bodies.map((body) => one.post(body)));
    expect(answers.map(({ status }) => status).filter((status) => status !== 202)).toEqual([500]);
    expect(answers[5]!.status).toBe(500);
    await fixture.database.sql('DROP TRIGGER poison ON jobs');
  });
});

describe('a known idempotency key', () => {
  it('ING-3.a with the same JSON value is answered with the original job', async () => {
    const body = aSubmission();
    const first = await one.post(body).expect(202);
    const reordered = Object.fromEntries(Object.entries(body).toReversed());
    const again = await two.post(JSON.stringify(reordered, null, 2)).expect(200);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.headers['location']).toBe(first.headers['location']);
    expect((again.body as JobView).job_id).toBe((first.body as JobView).job_id);
    const { idempotency_key, ...keyless } = body;
    const moved = await one.post(keyless, { headers: { 'idempotency-key': String(idempotency_key) } }).expect(200);
    expect(moved.headers['idempotency-replayed']).toBe('true');
  });

  it('ING-3.b with another body is refused, and the original job named', async () => {
    const body = aSubmission();
    const { job_id } = (await one.post(body).expect(202)).body as JobView;
    const refused = await two.post({ ...body, review_version: 2 }).expect(409);
    expect(refused.body).toMatchObject({ code: 'idempotency_key_reused', job_id, job: { job_id } });
  });

  it('ING-3.h with another body is told what to do, and that holds', async () => {
    const body = aSubmission({ review_version: 3 });
    await one.post(body).expect(202);
    const other = { ...body, review_result: 'other findings' };
    const { detail } = (await one.post(other).expect(409)).body as { detail: string };
    expect(detail).toContain(`version 3 of changelist ${String(body['changelist_id'])}`);
    expect(detail).toContain('under a new key');
    expect(detail).toContain('review_version 4 with rerun: true');
    const { idempotency_key: key } = aSubmission();
    await one.post({ ...other, idempotency_key: key, review_version: 4, rerun: true }).expect(202);
  });

  it('ING-3.f ING-3.g with the same submission, written otherwise, is answered with the original job', async () => {
    const recipients = [
      { channel: 'email', address: 'dana@example.com' },
      { channel: 'webhook', address: 'ci' },
    ];
    const changed_files = ['src/b.c', 'src/a.c'];
    const body = aSubmission({ changelist_id: '4711', recipients, changed_files });
    const { job_id } = (await one.post(body).expect(202)).body as JobView;
    const { idempotency_key, ...keyless } = body;
    const again = {
      ...keyless,
      ...{ changelist_id: 4711, priority: 5, rerun: false, changed_files: ['./src/a.c', 'src\\b.c'] },
      recipients: [recipients[1], { channel: 'email', address: 'dana@EXAMPLE.com' }],
    };
    const headers = { 'idempotency-key': `"${String(idempotency_key)}"` };
    expect((await two.post(again, { headers }).expect(200)).body).toMatchObject({ job_id, outcome: 'replayed' });
    await two.post({ ...again, review_result: JSON.stringify(body['review_result']) }, { headers }).expect(409);
  });

  it('ING-1.e ING-3.f with a renamed file in another form is answered with the original job, and the event bears it', async () => {
    const renamed = { path: 'src/b.c', previous_path: 'src/a.c' };
    const body = aSubmission({ changed_files: [renamed] });
    const { job_id } = (await one.post(body).expect(202)).body as JobView;
    const again = { ...body, changed_files: ['src/b.c', { ...renamed, path: './src/b.c' }] };
    expect((await two.post(again).expect(200)).body).toMatchObject({ job_id, outcome: 'replayed' });
    await two.post({ ...body, changed_files: ['src/b.c'] }).expect(409);
  });

  it('ING-3.e is known as long as its job, whatever became of that', async () => {
    const body = aSubmission();
    const job = (await one.post(body).expect(202)).body as JobView;
    await ended(job, { failed_permanent: 1 }, 1);
    expect((await one.post(body).expect(200)).body).toMatchObject({ job_id: job.job_id, state: 'failed' });
  });

  it('ING-3.d makes one job of fifty concurrent calls on two replicas', async () => {
    const body = aSubmission();
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => (n % 2 ? one : two).post(body)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(49);
    expect(new Set(answers.map(({ body: job }) => (job as JobView).job_id)).size).toBe(1);
    expect(await jobCount(body['changelist_id'])).toBe(1);
  });

  it('ING-3.d keeps one body of many that come at once under one key', async () => {
    const { changelist_id: _id, ...body } = aSubmission();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => (n % 2 ? one : two).post({ ...body, changelist_id: `many-${n}` })),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(
      answers.filter(({ body: problem }) => (problem as { code?: string }).code === 'idempotency_key_reused'),
    ).toHaveLength(29);
  });
});

describe('the same changelist', () => {
  it('ING-4.a and version, after it succeeded, is answered with that job, and nothing is sent', async () => {
    const job = await accepted();
    await ended(job, { sent: 1 });
    const again = await two.post(aSubmission({ changelist_id: job.changelist_id })).expect(200);
    expect(again.body).toMatchObject({ job_id: job.job_id, state: 'succeeded', outcome: 'already_succeeded' });
    expect(again.headers['idempotency-replayed']).toBeUndefined();
    expect(await jobCount(job.changelist_id)).toBe(1);
    expect(submittedOf(job.job_id)).toHaveLength(1);
  });

  it('ING-4.b and version, while under way, is refused with that job', async () => {
    const job = await accepted();
    const refused = await two.post(aSubmission({ changelist_id: job.changelist_id, rerun: true })).expect(409);
    expect(refused.body).toMatchObject({ code: 'review_in_progress', job: { job_id: job.job_id } });
    expect(refused.headers['location']).toBe(job.links.job);
  });

  it('ING-4.c and version, after it failed, becomes a new job', async () => {
    const job = await accepted();
    await ended(job, { failed_permanent: 1 }, 1);
    const fresh = await accepted({ changelist_id: job.changelist_id });
    expect(fresh.job_id).not.toBe(job.job_id);
    await eventually(() => expect(submittedOf(fresh.job_id)).toHaveLength(1));
  });

  it('ING-4.e and version stands at most once, by a unique index', async () => {
    const { changelist_id } = await accepted();
    const copy = `INSERT INTO jobs (id, source, idempotency_key, body_digest, body_bytes, changelist_id, review_version,
        rerun, priority, recipients, allow_list_hash, submitted_by, correlation_id, state, settled_at)
      SELECT gen_random_uuid(), source, $2, body_digest, body_bytes, changelist_id, review_version, rerun, priority,
        recipients, allow_list_hash, submitted_by, correlation_id, $3, $4 FROM jobs WHERE changelist_id = $1`;
    const insert = (key: string, state: string, settled_at: string | null) =>
      fixture.database.sql(copy, [changelist_id, key, state, settled_at]);
    await expect(insert('copy-1', 'queued', null)).rejects.toMatchObject({ constraint: 'jobs_standing' });
    await insert('copy-2', 'failed', '2026-01-01T00:00:00Z');
  });

  it('ING-3.d and version, posted under thirty keys at once on two replicas, becomes one job', async () => {
    const { changelist_id } = aSubmission();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => (n % 2 ? one : two).post(aSubmission({ changelist_id }))),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, ...Array.from({ length: 29 }, () => 409)]);
    expect(await jobCount(changelist_id)).toBe(1);
  });

  it('ING-5.a in a higher version needs rerun, and then becomes a job beside the lower', async () => {
    const job = await accepted();
    const higher = { changelist_id: job.changelist_id, review_version: 2 };
    const refused = await two.post(aSubmission(higher)).expect(409);
    expect(refused.body).toMatchObject({ code: 'rerun_required', job_id: job.job_id });
    await accepted({ ...higher, rerun: true });
    expect(await jobCount(job.changelist_id)).toBe(2);
  });

  it('ING-5.b in a lower version is stale', async () => {
    const job = await accepted({ review_version: 3 });
    const lower = aSubmission({ changelist_id: job.changelist_id, review_version: 2, rerun: true });
    expect((await two.post(lower).expect(409)).body).toMatchObject({
      code: 'stale_review_version',
      job_id: job.job_id,
    });
  });

  it('ING-5.c in any version, after another failed or was superseded, needs no rerun', async () => {
    const failed = await accepted({ review_version: 2 });
    await ended(failed, { failed_permanent: 1 }, 1);
    const lower = await accepted({ changelist_id: failed.changelist_id, review_version: 1 });
    await ended(lower, { superseded: 1 });
    await accepted({ changelist_id: failed.changelist_id, review_version: 4 });
  });

  it('ING-5.a in twenty versions at once, without rerun, on two replicas, becomes one job', async () => {
    const { changelist_id } = aSubmission();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? one : two).post(aSubmission({ changelist_id, review_version: ((n * 7) % 20) + 1 })),
      ),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    const codes = new Set(
      answers.filter(({ status }) => status === 409).map(({ body }) => (body as { code: string }).code),
    );
    expect([...codes].toSorted()).toEqual(expect.arrayContaining([expect.stringMatching(/rerun_required|stale/)]));
  });
});

describe('two sources', () => {
  it('GEN-8.a use the same key, changelist and version without affecting each other', async () => {
    const body = aSubmission();
    const mine = (await one.post(body).expect(202)).body as JobView;
    const theirs = (await two.post(body, { as: 'other' }).expect(202)).body as JobView;
    expect(theirs.job_id).not.toBe(mine.job_id);
    await eventually(() => expect(submittedOf(theirs.job_id)[0]?.key).toBe(`other ${mine.changelist_id}`));
    await ended(mine, { failed_permanent: 1 }, 1);
    expect((await one.get(theirs.links.job, 'other').expect(200)).body).toMatchObject({ state: 'queued' });
  });
});
