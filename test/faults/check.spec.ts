import { describe, expect, it } from '@jest/globals';
import type { ReceivedChat, ReceivedMail, ReceivedWebhook } from '../../infra/local/sink-types.js';
import { judge, type Verdict } from './check.js';
import type { Evidence, ListedDeadLetter, ListedJob, SettledRecord } from './evidence.js';
import { type Kind, kindOf, planSubmission } from './submissions.js';
import { saysWhenToAskAgain } from './submit.js';

const JOB = '01900000-0000-7000-8000-000000000001';
const OTHERS_JOB = '01900000-0000-7000-8000-000000000002';
/** Of the source `demo`: a mail and one webhook. */
const PLANNED = planSubmission(36);
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
    via: 'smtp',
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

function aMessage(differences: Partial<ReceivedChat> = {}): ReceivedChat {
  const text = `http://127.0.0.1/v1/reviews/${JOB}`;
  return { hook: 'reviews-demo', text, blocks: [], answered: 200, received_at_ms: 0, ...differences };
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
    messages: [],
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

  /** A day of one job with one recipient of this kind, of whom `copies` came, the last one answered in this way. */
  function dayOf(kind: Kind, copies: number, answered: 200 | 'cut', state: string): Evidence {
    const recipient = RECIPIENTS[kind];
    const last = (index: number) => (index === copies - 1 ? answered : 'cut');
    const several = <T>(make: (index: number) => T) => Array.from({ length: copies }, (_, index) => make(index));
    const via = kind as ReceivedMail['via'];
    const mail = (index: number) => aMail({ via, envelope_to: [recipient.address], answered: last(index) });
    // A webhook that comes again under its id is dropped by who gets it, so this one comes under two.
    const webhook = (index: number) => aWebhook({ headers: { 'webhook-id': `k${index}` }, answered: last(index) });
    return evidence({
      accepted: [{ planned: { ...PLANNED, recipients: [recipient] }, job_id: JOB }],
      job: { deliveries: { open: 0, by_channel: { [recipient.channel]: { [state]: 1 } } } },
      mails: recipient.channel === 'email' ? several(mail) : [],
      messages: kind === 'slack' ? several((index) => aMessage({ answered: last(index) })) : [],
      webhooks: kind === 'webhook' ? several(webhook) : [],
      dead_letters: state === 'unknown' ? [aDeadLetter()] : [],
    });
  }
  const RECIPIENTS: Record<Kind, (typeof PLANNED)['recipients'][number]> = {
    smtp: { channel: 'email', address: 'dana+demo-12@example.com' },
    resend: { channel: 'email', address: 'dana+demo-12@resend.example' },
    postmark: { channel: 'email', address: 'dana+demo-12@postmark.example' },
    webhook: { channel: 'webhook', address: 'ci-bot' },
    slack: { channel: 'slack', address: 'reviews-demo' },
  };
  const everyKind = Object.keys(RECIPIENTS) as Kind[];

  it.each(everyKind)('sees by %s what was told once, what was lost and what came twice', (kind) => {
    expect(kindOf(RECIPIENTS[kind])).toBe(kind);
    const said = (day: Evidence) => {
      const verdict = judge(day);
      const { told, lost, told_twice, unmarked } = verdict.by_kind[kind];
      return [found(verdict), { told, lost, told_twice, unmarked }];
    };
    expect(said(dayOf(kind, 1, 200, 'sent'))).toEqual([{}, { told: 1, lost: 0, told_twice: 0, unmarked: 0 }]);
    const lost = { lost: 1, unmarked: 1 };
    expect(said(dayOf(kind, 0, 200, 'sent'))).toEqual([lost, { told: 0, told_twice: 0, ...lost }]);
    const twice = { told_twice: 1 };
    expect(said(dayOf(kind, 2, 200, 'sent'))).toEqual([twice, { told: 1, lost: 0, unmarked: 0, ...twice }]);
  });

  it.each(everyKind)('takes by %s a delivery whose answer was lost for sent only where that can be known', (kind) => {
    const cannot_be_known = ['smtp', 'slack'].includes(kind);
    expect(found(judge(dayOf(kind, 1, 'cut', 'sent')))).toEqual(cannot_be_known ? { unmarked: 1 } : {});
    expect(found(judge(dayOf(kind, 1, 'cut', 'unknown')))).toEqual({});
    // Held, and yet told again.
    expect(found(judge(dayOf(kind, 2, 'cut', 'unknown')))).toEqual({ told_twice: 1 });
  });

  it("tells a message that stands in another source's chat, and one that carries its findings", () => {
    const planned = { ...PLANNED, recipients: [RECIPIENTS.slack] };
    const day = (message: Partial<ReceivedChat>) =>
      judge({
        ...dayOf('slack', 0, 200, 'unknown'),
        accepted: [{ planned, job_id: JOB }],
        messages: [aMessage(message)],
      });
    const block = { type: 'section', text: { type: 'mrkdwn', text: 'property-of-third' } };
    expect(day({}).leaked).toEqual([]);
    expect(day({ hook: 'reviews-other' }).by_kind.slack.leaked).toBe(1);
    expect(day({ blocks: [block] }).by_kind.slack.leaked).toBe(1);
  });
});
