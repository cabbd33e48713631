import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewCancelled } from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import request from 'supertest';
import { aSubmission, deliveriesEnded, ingestFixture, VALIDATED } from '../ingest.fixture.js';
import type { Caller, IngestFixture, Replica } from '../ingest.fixture.js';
import type { Hop, JobView } from '../reviews/job.js';

type Job = JobView & { timeline: Hop[] };

let fixture: IngestFixture;
let one: Replica;
let told: Collector;

beforeAll(async () => {
  fixture = await ingestFixture();
  told = await fixture.kafka.consume('review.cancelled');
  one = await fixture.start();
}, 60_000);
afterAll(() => fixture.close());

const accepted = async () => (await one.post(aSubmission()).expect(202)).body as JobView;
const read = async (job: JobView) => (await one.get(job.links.job).expect(200)).body as Job;
const cancellations = (job: JobView) =>
  told.records
    .filter(({ headers }) => headers['ce_subject'] === job.job_id)
    .map((record) => record.json<ReviewCancelled>());

function cancel(job: { job_id: string }, as: Caller = 'acme', body: object = { reason: 'posted by mistake' }) {
  return request(one.url)
    .post(`/v1/reviews/${job.job_id}/cancel`)
    .set('authorization', `Bearer ${fixture.keys[as]}`)
    .send(body);
}

describe('POST /v1/reviews/{id}/cancel', () => {
  it('ING-13.a takes it from a submitter of the source, with its reason, once: told to the notifier and in the timeline', async () => {
    const job = await accepted();
    const { body } = await cancel(job).expect(202);
    expect((body as Job).timeline.at(-1)).toMatchObject({
      ...{ event: 'review.cancelled', generation: 0, from: null, to: null },
      cause: 'cancelled by key:acme-key: posted by mistake',
    });
    await cancel(job, 'acme', { reason: 'again' }).expect(202);
    await cancel(job, 'operator', { reason: 'and again' }).expect(202);
    // A marker behind it in the same partition: whatever was to come of the second and third call would have come.
    const { source, changelist_id } = job;
    await one.tell(job, 'review.cancelled', { actor: 'marker', reason: 'marker', revision: 2 });
    await eventually(() => expect(cancellations(job).at(-1)?.actor).toBe('marker'));
    expect(cancellations(job)[0]).toMatchObject({
      ...{ job_id: job.job_id, source, changelist_id, review_version: 1, generation: 0, revision: 1 },
      ...{ actor: 'key:acme-key', reason: 'posted by mistake', correlation_id: job.correlation_id },
    });
    expect(cancellations(job)).toHaveLength(2);
    expect((await read(job)).timeline.filter(({ event }) => event === 'review.cancelled')).toHaveLength(1);
  });

  it('ING-13.a takes it from an operator; not from another source, an auditor, or without a reason', async () => {
    const job = await accepted();
    expect((await cancel(job, 'other').expect(404)).body).toMatchObject({ code: 'not_found' });
    expect((await cancel(job, 'auditor').expect(403)).body).toMatchObject({ code: 'forbidden' });
    for (const body of [{}, { reason: ' ' }, { reason: 5 }, { reason: 'x'.repeat(2_001) }, { reason: 'x', more: 1 }]) {
      expect((await cancel(job, 'acme', body).expect(400)).body).toMatchObject({ code: 'invalid_request' });
    }
    await cancel({ job_id: 'x' }).expect(404);
    expect(cancellations(job)).toEqual([]);
    await cancel(job, 'operator').expect(202);
    await eventually(() => expect(cancellations(job)).toMatchObject([{ actor: 'key:operator-key' }]));
  });

  it('ING-13.c lets the job end as its deliveries say, and refuses to cancel one that has ended', async () => {
    const job = await accepted();
    await cancel(job).expect(202);
    await one.tell(job, 'review.validated', VALIDATED);
    await one.tell(job, 'delivery.settled', deliveriesEnded({ sent: 1, waived: 2 }));
    await eventually(async () => expect((await read(job)).state).toBe('succeeded'));
    expect((await read(job)).deliveries.by_state).toEqual({ sent: 1, waived: 2 });
    // The same call again, whose first answer may have been lost, finds it done.
    await cancel(job).expect(202);

    const ended = await accepted();
    await one.tell(ended, 'review.validated', VALIDATED);
    await one.tell(ended, 'delivery.settled', deliveriesEnded({ sent: 1 }));
    await eventually(async () => expect((await read(ended)).state).toBe('succeeded'));
    expect((await cancel(ended).expect(409)).body).toMatchObject({ code: 'job_settled', job_id: ended.job_id });
    expect((await read(ended)).timeline.map(({ event }) => event)).not.toContain('review.cancelled');
  });

  it('ING-13.a hides what looks like a secret in the reason', async () => {
    const job = await accepted();
    const { body } = await cancel(job, 'acme', { reason: 'leaked password=hunter2hunter2' }).expect(202);
    expect((body as Job).timeline.at(-1)!.cause).not.toContain('hunter2');
  });
});
