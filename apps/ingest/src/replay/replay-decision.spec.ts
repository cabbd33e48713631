import { describe, expect, it } from '@jest/globals';
import { decideReplay } from './replay-decision.js';
import type { Asked, ReplayedJob, Standing } from './replay-decision.js';

const asked: Asked = { source: 'acme', changelist_id: '7', generation: 2, start_stage: 'notify' };
const job: ReplayedJob = {
  ...{ id: 'j', source: 'acme', changelist_id: '7', review_version: 3, state: 'failed', generation: 2 },
  submission_kept: true,
  submitted_again: false,
};

describe('decideReplay', () => {
  it('ING-9.c begins the next generation of a failed job', () => {
    for (const start_stage of ['ingest', 'validate', 'notify']) {
      expect(decideReplay({ ...asked, start_stage }, job, [])).toEqual({ accepted: true, generation: 3 });
    }
  });

  it.each<[string, Partial<Asked>, ReplayedJob | undefined, Standing[], string, string | null]>([
    ['no such job', {}, undefined, [], 'job_not_found', null],
    ["another source's job", { source: 'other' }, job, [], 'job_not_found', null],
    ["another changelist's job", { changelist_id: '8' }, job, [], 'job_not_found', null],
    ['another job of its version stands', {}, job, [{ job_id: 'k', review_version: 3 }], 'superseded_by_job', 'k'],
    ['a newer version stands', {}, job, [{ job_id: 'k', review_version: 4 }], 'superseded_by_job', 'k'],
    ['it was replayed meanwhile', { generation: 1 }, job, [], 'generation_moved', null],
    ['its generation has not been yet', { generation: 3 }, job, [], 'generation_moved', null],
    ['it is under way', {}, { ...job, state: 'in_progress' }, [], 'job_not_failed', null],
    ['it waits for a retry', {}, { ...job, state: 'retryable_failed' }, [], 'job_not_failed', null],
    ['it has succeeded', {}, { ...job, state: 'succeeded' }, [], 'job_not_failed', null],
    ['it was superseded', {}, { ...job, state: 'superseded' }, [], 'job_not_failed', null],
    ['another job has its key', {}, { ...job, submitted_again: true }, [], 'submitted_again', null],
    [
      'its submission is gone',
      { start_stage: 'validate' },
      { ...job, submission_kept: false },
      [],
      'submission_not_kept',
      null,
    ],
  ])('ING-9.d refuses when %s', (_why, over, found, standing, code, superseded_by) => {
    const job_generation = code === 'generation_moved' ? 2 : null;
    const refused = { accepted: false, code, superseded_by, job_generation };
    expect(decideReplay({ ...asked, ...over }, found, standing)).toEqual(refused);
  });

  it('ING-9.d names the newest of several jobs that stand in its way', () => {
    const standing = [3, 5, 4].map((review_version) => ({ job_id: `k${review_version}`, review_version }));
    expect(decideReplay(asked, job, standing)).toMatchObject({ superseded_by: 'k5' });
  });

  it('ING-9.d is not kept from it by an older version, nor by itself', () => {
    const standing = [
      { job_id: 'old', review_version: 2 },
      { job_id: 'j', review_version: 3 },
    ];
    expect(decideReplay(asked, job, standing)).toMatchObject({ accepted: true });
  });

  it('ING-9.c needs no submission where only the delivery is done again', () => {
    expect(decideReplay(asked, { ...job, submission_kept: false }, [])).toMatchObject({ accepted: true });
  });
});
