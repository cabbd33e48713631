import { describe, expect, it } from '@jest/globals';
import type { ReviewSubmitted } from '@assay/contracts';
import { submittedEvent } from './submitted-event.js';

const aJob = {
  id: '0190c0de-0000-7000-8000-000000000001',
  source: 'acme',
  changelist_id: '42',
  review_version: 3,
  generation: 0,
  priority: 5,
  recipients: [{ channel: 'webhook' as const, address: 'ci' }],
  allow_list_hash: 'h',
  correlation_id: 'c',
  traceparent: null,
  accepted_at: '2026-01-01T00:00:00.000Z',
};

describe('submittedEvent', () => {
  it('carries the body byte for byte, whatever its spelling', () => {
    const body = Buffer.from('{ "review_result" : "\\u0000\\ud800",  "n":1.0, "n":2, "__proto__": {} }');
    const { data } = submittedEvent(aJob, body);
    expect(data.includes(body)).toBe(true);
    const told = JSON.parse(data.toString()) as ReviewSubmitted;
    expect(told.submission).toEqual(JSON.parse(body.toString()));
    expect(told).toMatchObject({ job_id: aJob.id, source: 'acme', revision: 1, recipients: aJob.recipients });
  });

  it('gives the same id and bytes when it is built again', () => {
    const body = Buffer.from('{}');
    expect(submittedEvent(aJob, body)).toEqual(submittedEvent({ ...aJob }, Buffer.from(body)));
    expect(submittedEvent(aJob, body)).toMatchObject({ id: `${aJob.id}:0:1:review.submitted`, key: 'acme 42' });
  });
});
