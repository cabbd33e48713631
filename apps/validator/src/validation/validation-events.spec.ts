import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import type { StageDeadLettered, StageDelayed } from '@assay/contracts';
import { Lease } from '@assay/work-queue';
import type { WorkItem } from '@assay/work-queue';
import { aSubmission } from '../validator.fixture.js';
import { delayedEvent, exhaustedEvent, storedEvents } from './validation-events.js';

const data = aSubmission();
const body = { data, bytes: Buffer.from(JSON.stringify(data)) };
const item: WorkItem = {
  id: data.job_id,
  queue: 'validate',
  lane: null,
  source: null,
  subject_id: data.job_id,
  generation: 0,
  priority: 5,
  phase: 'work',
  attempts: 1,
  crashes: 2,
  first_failure_at: '2026-01-01T00:00:01.000Z',
  correlation_id: data.correlation_id,
  traceparent: null,
  payload: null,
  lease: new Lease('me', 'token', 1_000, 0),
};
const failure = new Failure({
  error_class: 'DEPENDENCY_UNAVAILABLE',
  code: 'away',
  retryable: true,
  message: 'no answer with password=hunter2hunter2',
});
const occurred_at = '2026-01-01T00:00:02.000Z';

describe('what the stage tells of attempts', () => {
  it('raises the revision with each attempt that failed', () => {
    const unit = { item, body };
    const delayed = delayedEvent({ unit, failure, attempt: 2, next_due_at: occurred_at }, occurred_at);
    const told = JSON.parse(delayed.data.toString()) as StageDelayed;
    expect(told).toMatchObject({
      revision: 2,
      attempt: 2,
      max_attempts: 5,
      stage: 'validate',
      next_due_at: occurred_at,
    });
    expect(delayed.id).toBe(`${data.job_id}:0:2:stage.delayed`);
  });

  it('DLQ-3.c ends as a dead letter with its facts, and without payload or secret', () => {
    const unit = { item, body };
    const at = { first_failure_at: item.first_failure_at!, last_failure_at: occurred_at };
    const event = exhaustedEvent({ unit, failure, attempts: 5, ...at });
    const told = JSON.parse(event.data.toString()) as StageDeadLettered;
    expect(told).toMatchObject({
      ...at,
      revision: 5,
      error_class: 'DEPENDENCY_UNAVAILABLE',
      code: 'away',
      sanitized_context: { attempts: 5, crashes: 2, payload_bytes: body.bytes.length },
    });
    expect(event.data.toString()).not.toContain('hunter2');
    expect(event.data.toString()).not.toContain('Unchecked result');
  });

  it('gives a stored result the same ids each time, the dead letter one revision above', () => {
    const { job_id, generation, source, changelist_id, correlation_id } = data;
    const about = { job_id, generation, source, changelist_id, correlation_id, traceparent: null };
    const stored = { ...about, revision: 3, validated_at: occurred_at, event: body.bytes, dead_letter: body.bytes };
    const [validated, dead] = storedEvents(stored);
    expect(validated!.id).toBe(`${job_id}:0:3:review.validated`);
    expect(dead!.id).toBe(`${job_id}:0:4:stage.dead_lettered`);
    expect(storedEvents({ ...stored, dead_letter: null })).toHaveLength(1);
  });
});
