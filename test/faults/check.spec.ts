import { describe, expect, it } from '@jest/globals';
import type { ReceivedMail, ReceivedWebhook } from '../../infra/local/sink-types.js';
import { judge, type Verdict } from './check.js';
import type { Evidence, ListedDeadLetter, ListedJob, SettledRecord } from './evidence.js';
import { planSubmission } from './submissions.js';
import { saysWhenToAskAgain } from './submit.js';

const JOB = '01900000-0000-7000-8000-000000000001';
const OTHERS_JOB = '01900000-0000-7000-8000-000000000002';
/** Of the source `demo`: a mail and one webhook. */
const PLANNED = planSubmission(0);
const MAIL_ADDRESS = PLANNED.recipients[0]?.address ?? '';

function aJob(differences: Partial<ListedJob> = {}): ListedJob {
  return {
    job_id: JOB,
    source: 'demo',
    changelist_id: '0',
    state: 'succeeded',
    generation: 0,
    accepted_at: '2026-01-01T00:00:00.000Z',
    settled_at: '2026-01-01T00:00:01.000Z',
    deliveries: { open: 0, by_channel: { email: { sent: 1 }, webhook: { sent: 1 } } },
    ...differences,
  };
}

function aWebhook(differences: Partial<ReceivedWebhook> & { job_id?: string; note?: string } = {}): ReceivedWebhook {
  const { job_id = JOB, note = '', ...rest } = differences;
  return {
    endpoint: 'ci-bot',
    headers: { 'webhook-id': 'key-1' },
    body: JSON.stringify({ data: { job_id, source: 'demo', note } }),
    answered: 204,
    received_at_ms: 0,
    ...rest,
  };
}

function aMail(differences: Partial<ReceivedMail> = {}): ReceivedMail {
  return {
    envelope_to: [MAIL_ADDRESS],
    from: '',
    subject: '',
    message_id: '<key-2@assay>',
    text: `http://127.0.0.1/v1/reviews/${JOB}`,
    html: '',
    answered: 250,
    headers: {},
    ...differences,
  };
}

function aDeadLetter(differences: Partial<ListedDeadLetter> = {}): ListedDeadLetter {
  return {
    ...{ id: 'dl', state: 'open', stage: 'notify', error_class: 'OUTCOME_UNKNOWN', code: 'smtp_after_data' },
    ...{ subject_type: 'delivery', subject_id: 'd', job_id: JOB, source: 'demo', fingerprint: 'f' },
    ...differences,
  } as ListedDeadLetter;
}

function anEnd(differences: Partial<SettledRecord> = {}): SettledRecord {
  return {
    ...{ ce_id: 'e1', job_id: JOB, source: 'demo', generation: 0, revision: 2, state: 'succeeded', given_up: false },
    ...differences,
  } as SettledRecord;
}

const GIVEN_UP: Partial<SettledRecord> = { ce_id: 'e3', revision: 3, state: 'failed', given_up: true };
const LATER: Partial<SettledRecord> = { ce_id: 'e4', revision: 4 };

/** A day of one job on which all went well. */
function evidence(differences: Partial<Evidence> & { job?: Partial<ListedJob> } = {}): Evidence {
  const { job, ...rest } = differences;
  return {
    accepted: [{ planned: PLANNED, job_id: JOB }],
    jobs: { demo: [aJob(job)], other: [], third: [] },
    dead_letters: [],
    dead_letters_of: { demo: [], other: [], third: [] },
    settled: [anEnd()],
    changed: (rest.dead_letters ?? []).map(({ id, source }) => ({ ce_id: id, dead_letter_id: id, source })),
    webhooks: [aWebhook()],
    mails: [aMail()],
    ...{ seen_by_others: [], doubled: [], refused: [], poison_announced: 0, plan: null },
    ...rest,
  };
}

/** How many lines of each kind. */
function found(verdict: Verdict): object {
  const { leaked, lost, told_twice, unmarked } = verdict;
  const counts = { lost: lost.length, told_twice: told_twice.length, unmarked: unmarked.length, leaked: leaked.length };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

const unknown_mail = { email: { unknown: 1 }, webhook: { sent: 1 } };
const failed_job: Partial<ListedJob> = { state: 'failed', deliveries: { open: 0, by_channel: unknown_mail } };
/** Neither recipient was told, and one dead letter says so. */
const both_failed: Partial<ListedJob> = {
  state: 'failed',
  deliveries: { open: 0, by_channel: { email: { unknown: 1 }, webhook: { failed_permanent: 1 } } },
};
const half_ended: Partial<ListedJob> = {
  state: 'in_progress',
  deliveries: { open: 1, by_channel: { email: { unknown: 1 }, webhook: { sending: 1 } } },
};

describe('the checker of a bad day', () => {
  it.each<[string, Evidence, object]>([
    ['a day on which all went well', evidence(), {}],
    ['a job that has vanished', evidence({ jobs: { demo: [], other: [], third: [] } }), { lost: 1 }],
    ['a job that never ended', evidence({ job: { state: 'in_progress' } }), { lost: 1 }],
    [
      'one under an open dead letter',
      evidence({ job: { state: 'in_progress' }, dead_letters: [aDeadLetter({ subject_type: 'job' })] }),
      {},
    ],
    [
      'one that never ended, whose other delivery has a dead letter',
      evidence({ job: half_ended, dead_letters: [aDeadLetter()] }),
      { lost: 1 },
    ],
    ['a failed job without a dead letter', evidence({ job: { state: 'failed' } }), { lost: 1 }],
    ['an end after it was given up', evidence({ settled: [anEnd(LATER), anEnd(GIVEN_UP), anEnd(GIVEN_UP)] }), {}],
    ['an end that downstream never heard of', evidence({ settled: [] }), { lost: 1 }],
    ['a delivery that says sent and never came', evidence({ webhooks: [] }), { lost: 1, unmarked: 1 }],
    [
      'an unknown mail that never came, under its dead letter',
      evidence({ job: failed_job, mails: [], dead_letters: [aDeadLetter()] }),
      {},
    ],
    [
      'a delivery that failed for good without a dead letter, beside one that has its own',
      evidence({ job: both_failed, mails: [], webhooks: [], dead_letters: [aDeadLetter()] }),
      { lost: 1 },
    ],
    [
      'two that failed, each under its dead letter',
      evidence({
        ...{ job: both_failed, mails: [], webhooks: [] },
        dead_letters: [aDeadLetter(), aDeadLetter({ id: 'dl-2', subject_id: 'd-2' })],
      }),
      {},
    ],
    [
      'a delivery whose failure has two dead letters, beside one that has none',
      evidence({
        ...{ job: both_failed, mails: [], webhooks: [] },
        dead_letters: [aDeadLetter(), aDeadLetter({ id: 'dl-2' })],
      }),
      { lost: 1 },
    ],
    [
      'a mail that came all the same and is marked unknown, under no dead letter',
      evidence({ job: failed_job }),
      { lost: 2 },
    ],
    ['an unknown mail that never came, under none', evidence({ job: failed_job, mails: [] }), { lost: 2 }],
    ['a refused webhook', evidence({ webhooks: [aWebhook({ answered: 503 })] }), { lost: 1, unmarked: 1 }],
    ['a lost one', evidence({ webhooks: [aWebhook({ answered: 'lost' })] }), { lost: 1, unmarked: 1 }],
    ['an accepted and cut webhook', evidence({ webhooks: [aWebhook({ answered: 'cut' })] }), {}],
    [
      'a dead letter that downstream never heard of',
      evidence({ dead_letters: [aDeadLetter({ state: 'resolved' })], changed: [] }),
      { lost: 1 },
    ],
    ['poison that nobody announced', evidence({ poison_announced: 1 }), { lost: 1 }],
    ['a replay plan that never ended', evidence({ plan: { id: 'p', state: 'executing', progress: {} } }), { lost: 1 }],
    ['an answer without a cause', evidence({ refused: ['409'] }), { lost: 1 }],
  ])('judges %s', (_what, seen, expected) => {
    expect(found(judge(seen))).toEqual(expected);
  });

  it.each<[number, Record<string, string>, boolean]>([
    [503, { 'retry-after': '2' }, true],
    [429, { 'retry-after': '1' }, true],
    [503, {}, false],
    [500, { 'retry-after': '2' }, false],
    [400, {}, false],
  ])('takes an answer of %i with %j for one that faults explain: %s', (status, headers, explained) => {
    expect(saysWhenToAskAgain({ status, headers: new Headers(headers) })).toBe(explained);
  });

  it('counts a webhook that came again under its id as a repeat, not as told twice', () => {
    const verdict = judge(evidence({ webhooks: [aWebhook({ answered: 'cut' }), aWebhook()] }));
    expect([found(verdict), verdict.repeated_webhooks]).toEqual([{}, 1]);
  });

  it.each<[string, Evidence]>([
    ['a webhook under two ids', evidence({ webhooks: [aWebhook(), aWebhook({ headers: { 'webhook-id': 'key-9' } })] })],
    ['two bodies under one id', evidence({ webhooks: [aWebhook(), aWebhook({ note: 'different' })] })],
    ['the same mail again', evidence({ mails: [aMail(), aMail()] })],
    ['a mail under two ids', evidence({ mails: [aMail(), aMail({ message_id: '<key-9@assay>' })] })],
    ['an item that was replayed twice', evidence({ job: { generation: 2 } })],
    ['two jobs for one key', evidence({ doubled: ['demo key'] })],
    ['an end under two ids', evidence({ settled: ['e1', 'e2'].map((ce_id) => anEnd({ ce_id })) })],
    ['an end that follows one in truth', evidence({ settled: [anEnd({ state: 'failed' }), anEnd(LATER)] })],
    ['an end under no higher revision', evidence({ settled: [anEnd(GIVEN_UP), anEnd({ ...LATER, revision: 3 })] })],
    [
      'two ends after it was given up',
      evidence({ settled: [anEnd(GIVEN_UP), anEnd(LATER), anEnd({ ce_id: 'e5', revision: 5 })] }),
    ],
  ])('tells %s', (_what, seen) => {
    expect(found(judge(seen))).toEqual({ told_twice: 1 });
  });

  it.each<[string, Evidence]>([
    ['a job seen under another key', evidence({ seen_by_others: ['key of other'] })],
    [
      'a dead letter listed under another key',
      evidence({ dead_letters_of: { demo: [], other: [aDeadLetter()], third: [] } }),
    ],
    ["a webhook with another source's findings", evidence({ webhooks: [aWebhook({ note: 'property-of-third' })] })],
    [
      'a mail that names a job of another source',
      evidence({
        accepted: [
          { planned: PLANNED, job_id: JOB },
          { planned: { ...planSubmission(1), hopeless: true }, job_id: OTHERS_JOB },
        ],
        jobs: { demo: [aJob()], other: [aJob({ job_id: OTHERS_JOB, source: 'other' })], third: [] },
        settled: [JOB, OTHERS_JOB].map((job_id, index) => ({
          ...evidence().settled[0]!,
          ...{ job_id, ce_id: job_id, source: index === 0 ? 'demo' : 'other' },
        })),
        mails: [aMail(), aMail({ message_id: '<key-2@assay>', text: `/v1/reviews/${OTHERS_JOB}` })].slice(1),
        job: {},
      }),
    ],
  ])('tells %s', (_what, seen) => {
    expect(judge(seen).leaked).toHaveLength(1);
  });
});
