import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewSettled } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { aSubmission, ingestFixture } from './ingest.fixture.js';
import type { IngestFixture } from './ingest.fixture.js';
import type { JobView } from './reviews/job.js';

let fixture: IngestFixture;
beforeAll(async () => {
  fixture = await ingestFixture();
});
afterAll(() => fixture.close());

describe('links', () => {
  it('ING-8.f lead from a job and from review.settled to the services that serve them', async () => {
    const settled = await fixture.kafka.consume('review.settled');
    const replica = await fixture.start({
      ASSAY_INGEST_PUBLIC_URL: 'https://assay.example.com/ingest',
      ASSAY_VALIDATOR_PUBLIC_URL: 'https://findings.example.com',
    });
    const submitted = await replica.post(aSubmission()).expect(202);
    const job = submitted.body as JobView;
    const links = {
      job: `https://assay.example.com/ingest/v1/reviews/${job.job_id}`,
      findings: `https://findings.example.com/v1/reviews/${job.job_id}/findings`,
    };
    expect([job.links, submitted.headers['location']]).toEqual([links, links.job]);
    const read = await replica.get(`/v1/reviews/${job.job_id}`).expect(200);
    expect((read.body as JobView).links).toEqual(links);
    await replica.tell(job, 'stage.dead_lettered', {
      ...{ stage: 'validate', subject_type: 'job', subject_id: job.job_id, error_class: 'INVALID_JSON' },
      ...{ code: 'invalid_json', last_stack: 'x', sanitized_context: {}, fingerprint: 'f', summary: null },
      ...{ first_failure_at: '2026-01-01T00:00:00.000Z', last_failure_at: '2026-01-01T00:00:00.000Z' },
    });
    const [record] = await eventually(() => {
      const told = settled.records.filter(({ headers }) => headers['ce_subject'] === job.job_id);
      expect(told).toHaveLength(1);
      return told;
    });
    expect(record!.json<ReviewSettled>().links).toEqual(links);
  });
});
