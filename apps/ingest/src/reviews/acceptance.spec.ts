import { describe, expect, it } from '@jest/globals';
import { judge } from './acceptance.js';
import type { Candidate, Judgement, KeyHolder, StandingJob } from './acceptance.js';

const aCandidate = (over: Partial<Candidate> = {}): Candidate => ({
  source: 'acme',
  idempotency_key: 'key',
  body_digest: 'd1',
  changelist_id: '42',
  review_version: 2,
  rerun: false,
  denied_paths: [],
  ...over,
});

const v = (review_version: number, state: StandingJob['state'] = 'succeeded'): StandingJob => ({
  job_id: `v${review_version}`,
  review_version,
  state,
});
const sameBody: KeyHolder = { job_id: 'first', body_digest: 'd1', passes_key: false };
const otherBody: KeyHolder = { job_id: 'first', body_digest: 'd2', passes_key: false };
const failedSame: KeyHolder = { ...sameBody, passes_key: true };
const failedOther: KeyHolder = { ...otherBody, passes_key: true };
const denied = { denied_paths: ['//secret/x'] };

type Row = [string, Partial<Candidate>, KeyHolder | undefined, StandingJob[], Judgement['kind'], string?];

/** Each line: rule and case, what the candidate has (version 2), who holds its key, what stands, the judgement. */
const TABLE: Row[] = [
  ['accepts when nothing is known of key or changelist', {}, undefined, [], 'accepted'],

  ['ING-3.a gives a known key with the same body its job', {}, sameBody, [], 'replayed', 'first'],
  ['ING-3.a does so whatever stands', {}, sameBody, [v(9)], 'replayed', 'first'],
  ['ING-3.a does so before rerun is judged', {}, sameBody, [v(1)], 'replayed', 'first'],
  ['ING-3.c does so before the allow-list is asked', denied, sameBody, [], 'replayed', 'first'],
  ['ING-3.b refuses a known key with another body', {}, otherBody, [], 'key_reused', 'first'],
  ['ING-3.b does so under rerun', { rerun: true }, otherBody, [v(1)], 'key_reused', 'first'],
  ['ING-3.c does so before the allow-list is asked', denied, otherBody, [], 'key_reused', 'first'],

  ['ING-3.i passes the key of a job that failed at validate to another body', {}, failedOther, [], 'accepted'],
  ['ING-3.i passes it not to the same body', {}, failedSame, [], 'replayed', 'first'],
  ['ING-3.i passes it not to a denied path', denied, failedOther, [], 'denied'],
  ['ING-3.i passes it not to a stale version', {}, failedOther, [v(3)], 'stale_review_version', 'v3'],
  ['ING-3.i passes it not where another stands', {}, failedOther, [v(2, 'queued')], 'review_in_progress', 'v2'],
  ['ING-3.i passes it under rerun', { rerun: true }, failedOther, [v(1)], 'accepted'],

  ['ING-7.a refuses a denied path', denied, undefined, [], 'denied'],
  ['ING-3.c does so before versions are judged', denied, undefined, [v(9)], 'denied'],
  ['ING-3.c does so before a same version is answered', denied, undefined, [v(2)], 'denied'],

  ['ING-5.b refuses a version lower than one that stands', {}, undefined, [v(3)], 'stale_review_version', 'v3'],
  ['ING-5.b does so while that is under way', {}, undefined, [v(3, 'queued')], 'stale_review_version', 'v3'],
  ['ING-5.b does so under rerun', { rerun: true }, undefined, [v(3)], 'stale_review_version', 'v3'],
  ['ING-5.b does so although the same version stands', {}, undefined, [v(2), v(3)], 'stale_review_version', 'v3'],

  ['ING-5.a wants rerun for a higher version', {}, undefined, [v(1)], 'rerun_required', 'v1'],
  ['ING-5.a does so while the lower is under way', {}, undefined, [v(1, 'in_progress')], 'rerun_required', 'v1'],
  ['ING-5.a accepts a higher version under rerun', { rerun: true }, undefined, [v(1)], 'accepted'],
  ['ING-5.a does so while the lower is under way', { rerun: true }, undefined, [v(1, 'queued')], 'accepted'],

  ['ING-4.a answers a version that succeeded with its job', {}, undefined, [v(2)], 'already_succeeded', 'v2'],
  ['ING-4.a does so under rerun', { rerun: true }, undefined, [v(2)], 'already_succeeded', 'v2'],
  ['ING-4.a does so beside an older one', {}, undefined, [v(1), v(2)], 'already_succeeded', 'v2'],
  ['ING-4.b refuses a version that is queued', {}, undefined, [v(2, 'queued')], 'review_in_progress', 'v2'],
  ['ING-4.b … in progress', {}, undefined, [v(2, 'in_progress')], 'review_in_progress', 'v2'],
  ['ING-4.b … due again', {}, undefined, [v(2, 'retryable_failed')], 'review_in_progress', 'v2'],
  ['ING-4.b … in progress, under rerun', { rerun: true }, undefined, [v(2, 'queued')], 'review_in_progress', 'v2'],
  ['ING-4.c makes a new job where the same version failed, and so no longer stands', {}, undefined, [], 'accepted'],
];

describe('judge', () => {
  it.each(TABLE)('%s', (...[, over, holder, standing, kind, job_id]: Row) => {
    const judgement = judge(aCandidate(over), holder, standing);
    expect(judgement.kind).toBe(kind);
    expect('job_id' in judgement ? judgement.job_id : undefined).toBe(job_id);
  });

  it('ING-3.c judges every combination by the first rule that applies', () => {
    const order = ['key_reused', 'replayed', 'denied', 'stale_review_version', 'rerun_required'];
    for (const holder of [undefined, sameBody, otherBody, failedSame, failedOther])
      for (const paths of [[], denied.denied_paths])
        for (const rerun of [false, true])
          for (const standing of [[], [v(1)], [v(2)], [v(2, 'queued')], [v(3)], [v(1), v(3)]]) {
            const { kind } = judge(aCandidate({ rerun, denied_paths: paths }), holder, standing);
            const highest = Math.max(0, ...standing.map((job) => job.review_version));
            const applies = [
              holder === otherBody,
              holder === sameBody || holder === failedSame,
              paths.length > 0,
              highest > 2,
              highest === 1 && !rerun,
            ];
            const expected = order[applies.indexOf(true)];
            if (expected !== undefined) expect(kind).toBe(expected);
            else expect(['accepted', 'already_succeeded', 'review_in_progress']).toContain(kind);
          }
  });

  it('ING-3.i names the job whose key it passes', () => {
    expect(judge(aCandidate(), failedOther, [])).toEqual({ kind: 'accepted', key_of: 'first' });
    expect(judge(aCandidate(), undefined, [])).toEqual({ kind: 'accepted', key_of: null });
  });
});
