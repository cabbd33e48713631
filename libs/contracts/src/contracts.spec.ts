import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { eventId, eventKey, jobEvent } from './events.js';
import type { EventDataByType, EventType } from './events.js';
import { ERROR_CLASSES, Failure } from './failure.js';
import { Problem, PROBLEMS } from './problem.js';
import { failureFingerprint } from './dead-letter.js';
import { TOPICS, topicName } from './topics.js';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const AT = '2026-01-02T03:04:05.678Z';
const about = {
  job_id: ID,
  source: 'ci',
  changelist_id: '17',
  review_version: 1,
  generation: 0,
  revision: 1,
  occurred_at: AT,
  correlation_id: 'c',
};
const counts = { submitted: 1, kept: 1, dropped: 0, coerced: 0, by_code: {} };
const summary = { open: 0, failed: 0, by_channel: { email: { sent: 1 } } };
const recipients = [{ channel: 'email' as const, address: 'a@example.com' }];

const replay = {
  plan_id: ID,
  item_id: ID,
  dead_letter_id: ID,
  action: 'correct_recipient' as const,
  start_stage: 'notify' as const,
  subject_type: 'delivery' as const,
  subject_id: ID,
};
const corrected = { corrected_recipient: recipients[0]!, reason: 'left the company', actor: 'key:ops' };

const EXAMPLES: EventDataByType = {
  'review.submitted': {
    ...about,
    priority: 5,
    allow_list_hash: 'h',
    recipients,
    accepted_at: AT,
    submission: { changed_files: ['a.ts', { path: 'b.ts', previous_path: 'c.ts' }], review_result: '{}' },
  },
  'review.validated': {
    ...about,
    outcome: 'accepted',
    versions: {
      schema_version: '1.0',
      read_as: '1.0',
      prompt_version: '1.0.0',
      schema_verdict: 'exact',
      prompt_verdict: 'exact',
    },
    counts,
    rejection: null,
    result: { schema_version: '1.0', prompt_version: '1.0.0', findings: [] },
    recipients,
    priority: 5,
    accepted_at: AT,
    allow_list: { submitted_under: 'h', judged_by: 'h' },
  },
  'delivery.settled': {
    ...about,
    summary,
    deliveries: [{ delivery_id: ID, channel: 'email', state: 'sent', notification_id: 'n', notified_at: AT }],
  },
  'stage.delayed': {
    ...about,
    stage: 'notify',
    subject_type: 'delivery',
    subject_id: ID,
    attempt: 1,
    max_attempts: 5,
    error_class: 'DEPENDENCY_UNAVAILABLE',
    code: 'refused',
    next_due_at: AT,
    summary,
  },
  'stage.dead_lettered': {
    ...about,
    job_id: null,
    changelist_id: null,
    review_version: null,
    stage: 'validate',
    subject_type: 'record',
    subject_id: ID,
    error_class: 'TRANSPORT_MALFORMED',
    code: 'not_json',
    last_stack: '',
    sanitized_context: {},
    first_failure_at: AT,
    last_failure_at: AT,
    fingerprint: 'f',
    summary: null,
  },
  'stage.recovered': {
    ...about,
    job_id: null,
    source: '*',
    changelist_id: null,
    review_version: null,
    stage: 'notify',
    subject_type: 'destination',
    subject_id: ID,
    cause: 'delivered',
  },
  'review.cancelled': { ...about, actor: 'key:ci', reason: 'posted by mistake' },
  'review.settled': {
    given_up: false,
    ...about,
    state: 'succeeded',
    counts,
    deliveries: { email: { sent: 1 } },
    links: { job: '/j', findings: '/f' },
  },
  'dead_letter.changed': {
    ...about,
    dead_letter_id: ID,
    subject_type: 'job',
    subject_id: ID,
    stage: 'validate',
    error_class: 'INVALID_JSON',
    state: 'open',
    cause: 'arrived',
  },
  'replay.requested': { ...about, ...replay, ...corrected },
  'replay.accepted': { ...about, generation: 1, ...replay, ...corrected, previous_generation: 0 },
  'replay.refused': { ...about, ...replay, code: 'superseded_by_job', superseded_by: ID, job_generation: null },
  'action.requested': {
    ...{ ...about, job_id: null, source: '*', changelist_id: null, review_version: null },
    ...{ action_id: ID, action: 'send_now', subject_type: 'destination', subject_id: 'smtp' },
    ...{ sources: ['acme'], reason: 'mended', actor: 'key:ops' },
  },
  'action.answered': {
    ...{ ...about, job_id: null, source: '*', changelist_id: null, review_version: null },
    ...{ action_id: ID, action: 'send_now', outcome: 'refused', code: 'nothing_waits', deliveries: 0 },
  },
  'audit.checkpointed': {
    ...{ ...about, job_id: null, source: '*', changelist_id: null, review_version: null },
    ...{ origin: 'assay.example/audit', size: 3, checkpoint: 'assay.example/audit\n3\n' },
  },
};

const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
const topics = TOPICS.map((topic) => [topic.type, topic] as const);

describe('topics', () => {
  it.each(topics)(
    'OPS-5.a takes an example of %s, and one with a field and a value that it does not know',
    (type, topic) => {
      const validate = ajv.compile(topic.schema);
      const example = EXAMPLES[type];
      expect(validate(example) || validate.errors).toBe(true);
      expect(validate({ ...example, added_later: 1, state: 'invented_later' }) || validate.errors).toBe(true);
    },
  );

  it.each(topics)('GEN-9.d refuses %s without its generation, revision or time', (type, topic) => {
    const validate = ajv.compile(topic.schema);
    for (const field of ['source', 'generation', 'revision', 'occurred_at', 'correlation_id']) {
      expect(validate({ ...EXAMPLES[type], [field]: undefined })).toBe(false);
    }
    expect(validate({ ...EXAMPLES[type], occurred_at: '2026-01-02 03:04:05' })).toBe(false);
  });

  it('names topics by prefix, subject, past participle and version', () => {
    expect(TOPICS.map(({ type }) => topicName('assay', type))).toEqual(
      expect.arrayContaining(['assay.review.submitted.v1', 'assay.dead_letter.changed.v1']),
    );
    for (const { type } of TOPICS) expect(type).toMatch(/^[a-z_]+\.[a-z_]+(ed|d)$/);
  });

  it('SEC-8.c keeps raw bodies on topics for no longer than 7 days', () => {
    const raw = TOPICS.find(({ type }) => type === 'review.submitted');
    expect(raw!.retention_ms).toBeLessThanOrEqual(7 * 24 * 3_600_000);
  });
});

describe('events', () => {
  it('gives an event the same id on every publication', () => {
    const event = () => jobEvent('delivery.settled', EXAMPLES['delivery.settled'], { traceparent: null });
    expect(event().id).toBe(`${ID}:0:1:delivery.settled`);
    expect(event()).toEqual(event());
  });

  it('GEN-8.c keeps equal changelists of two sources under two keys', () => {
    expect(eventKey('ci', '17')).not.toBe(eventKey('ci2', '17'));
    expect(eventKey('a b', 'c')).toBe('a b c');
    expect(eventKey('ci', null)).toBe('ci');
  });

  it('tells revisions and generations of one subject apart', () => {
    const ids = [
      [0, 1],
      [0, 2],
      [1, 1],
    ].map(([generation, revision]) => eventId(ID, generation!, revision!, 'stage.delayed' satisfies EventType));
    expect(new Set(ids).size).toBe(3);
  });
});

describe('failures', () => {
  it('GEN-7.a makes a failure of whatever is thrown', () => {
    for (const thrown of [new TypeError('x'), 'text', null, undefined, { code: 1 }]) {
      expect(Failure.from(thrown)).toMatchObject({
        error_class: 'PROGRAMMING_ERROR',
        code: 'unexpected_error',
        retryable: false,
      });
    }
    expect(new Set(ERROR_CLASSES).size).toBe(ERROR_CLASSES.length);
  });

  it('DLQ-6.h groups failures of one cause at one place, and no others', () => {
    const cause = { stage: 'notify', error_class: 'POLICY_REJECTED', code: 'http_410', where: 'ci-bot' } as const;
    expect(failureFingerprint(cause)).toBe(failureFingerprint({ ...cause }));
    expect(failureFingerprint(cause)).toMatch(/^[0-9a-f]{32}$/);
    for (const other of [{ where: 'other' }, { code: 'http_404' }, { stage: 'validate' as const }]) {
      expect(failureFingerprint({ ...cause, ...other })).not.toBe(failureFingerprint(cause));
    }
  });
});

describe('problems', () => {
  it('ING-10.a gives each code one status, and each thrown problem its own', () => {
    for (const [code, { status }] of Object.entries(PROBLEMS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(new Problem(code as keyof typeof PROBLEMS).status).toBe(status);
    }
  });
});
