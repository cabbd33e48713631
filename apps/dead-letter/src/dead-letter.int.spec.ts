import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobEvent } from '@assay/contracts';
import type { DeadLetterChanged } from '@assay/contracts';
import { addLogSink, renderMetrics } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { v7 } from 'uuid';
import {
  aDestinationFailure,
  aFailure,
  aSettlement,
  deadLetterStage,
  endOf,
  failureEvent,
  recoveredEvent,
  settledEvent,
} from './dead-letter.fixture.js';
import type { DeadLetterStage } from './dead-letter.fixture.js';
import type { LetterView } from './triage/letters-view.repository.js';

let stage: DeadLetterStage;
let changes: Collector;

beforeAll(async () => {
  stage = await deadLetterStage();
  changes = await stage.kafka.consume('dead_letter.changed');
});
afterAll(() => stage.close());

const changesOf = (id: string) =>
  changes.records
    .map((record) => record.json<DeadLetterChanged>())
    .filter(({ dead_letter_id }) => dead_letter_id === id);

/** The dead letter once it has come, with at least so many transitions. */
const arrived = (subject_id: string, transitions = 1): Promise<LetterView> =>
  eventually(async () => {
    const letter = await stage.letterOf(subject_id);
    expect(letter?.transitions.length).toBeGreaterThanOrEqual(transitions);
    return letter!;
  });

/** Sends a marker through the same topic and waits for it: all that was sent before with its key has been taken. */
async function settledDown(): Promise<void> {
  const marker = aFailure();
  await stage.send(failureEvent(marker));
  await arrived(marker.subject_id);
}

describe('intake', () => {
  it('DLQ-3.b, GEN-1.b, GEN-1.c keeps every stated field and its first transition', async () => {
    const failure = aFailure();
    await stage.send(failureEvent(failure));
    const letter = await arrived(failure.subject_id);
    const { job_id, source, changelist_id, stage: failed_stage, error_class, code, fingerprint, last_stack } = failure;
    expect(letter).toMatchObject({
      ...{ job_id, source, changelist_id, stage: failed_stage, error_class, code, fingerprint, last_stack },
      ...{ subject_type: 'delivery', generation: 0, review_version: 1, occurrences: 1, state: 'open' },
      ...{ first_failure_at: failure.first_failure_at, last_failure_at: failure.last_failure_at, closed_at: null },
      ...{ sanitized_context: failure.sanitized_context, correlation_id: 'corr-1' },
    });
    expect(letter.transitions).toMatchObject([
      { change: 1, from_state: null, to_state: 'open', cause: 'failed', actor: 'service:dead-letter' },
    ]);
    expect(Date.parse(letter.transitions[0]!.occurred_at)).not.toBeNaN();
  });

  it('GEN-2.a, DLQ-3.a is not harmed by redelivery and keeps one row per subject and stage', async () => {
    const failure = aFailure();
    const event = failureEvent(failure);
    await stage.send(event, event, failureEvent({ ...failure, revision: 1, code: 'older' }));
    await stage.send(event);
    const elsewhere = aFailure({ subject_id: failure.subject_id, stage: 'validate', subject_type: 'job' });
    await stage.send(failureEvent(elsewhere));
    await settledDown();
    const rows = await stage.database.sql<{ stage: string; code: string; occurrences: number }>(
      'SELECT stage, code, occurrences FROM dead_letters WHERE subject_id = $1 ORDER BY stage',
      [failure.subject_id],
    );
    expect(rows).toEqual([
      { stage: 'notify', code: 'smtp_550', occurrences: expect.any(Number) as unknown as number },
      { stage: 'validate', code: 'smtp_550', occurrences: 1 },
    ]);
    const letter = await arrived(failure.subject_id);
    expect(await eventually(() => changesOf(letter.id))).toHaveLength(letter.transitions.length);
  });

  it('DLQ-3.c, SEC-4.h stores no planted secret, wherever it was planted', async () => {
    const secret = 'tangerine-and-lime';
    const failure = aFailure({
      last_stack: `Error: postgres://assay:${secret}@db/x\ncaused by: Error: mail to jo@example.org, password=${secret}\0`,
      sanitized_context: {
        ...{
          upstream_body: `{"api_key":"${secret}"}`,
          password: secret,
          headers: { authorization: `Bearer ${secret}` },
        },
        ...{ recipient: 'jo@example.org', payload: 'x'.repeat(20_000), attempts: 2 },
      },
    });
    await stage.send(failureEvent(failure));
    const letter = await arrived(failure.subject_id);
    expect(letter.sanitized_context).toMatchObject({ attempts: 2 });
    await stage.call('operator', `/v1/dead-letters/${letter.id}/triage`, { note: `the password=${secret} leaked` });
    const tables = ['dead_letters', 'transitions', 'work_items'];
    for (const table of tables) {
      const [row] = await stage.database.sql<{ text: string | null }>(
        `SELECT string_agg(t::text, ' ') AS text FROM ${table} AS t`,
      );
      expect(row!.text ?? '').not.toMatch(/tangerine|jo@example|x{1000}/);
    }
    const published = await eventually(() => {
      expect(changesOf(letter.id)).toHaveLength(2);
      return changes.records.map(({ value }) => value!.toString()).join();
    });
    expect(published).not.toMatch(/tangerine|jo@example/);
  });

  it('ING-6.b resolves the dead letter of a superseded delivery, in whatever order the news comes', async () => {
    const before = aFailure();
    await stage.send(failureEvent(before));
    await arrived(before.subject_id);
    await stage.send(settledEvent(aSettlement(before, 'superseded')));

    const after = aFailure();
    await stage.send(settledEvent(aSettlement(after, 'superseded')));
    await eventually(async () => {
      const known = await stage.database.sql('SELECT FROM settlements WHERE subject_id = $1', [after.subject_id]);
      expect(known).toHaveLength(1);
    });
    await stage.send(failureEvent(after));

    for (const { subject_id } of [before, after]) {
      const letter = await arrived(subject_id, 2);
      expect(letter).toMatchObject({ state: 'resolved' });
      expect(letter.closed_at).not.toBeNull();
      expect(letter.transitions.map(({ to_state, cause }) => [to_state, cause])).toEqual([
        ['open', 'failed'],
        ['resolved', 'superseded'],
      ]);
      await eventually(() => expect(changesOf(letter.id).map(({ state }) => state)).toEqual(['open', 'resolved']));
    }
  });

  it('GEN-9.c ends resolved when failure and end arrive at two replicas at the same time', async () => {
    const second = await stage.replica();
    const failures = Array.from({ length: 40 }, (_, i) => aFailure({ changelist_id: `race-${i}` }));
    const events = failures.flatMap((failure) => [
      failureEvent(failure),
      settledEvent(aSettlement(failure, 'superseded')),
    ]);
    await stage.send(...events);
    await eventually(
      async () => {
        const rows = await stage.database.sql<{ state: string }>(
          'SELECT state FROM dead_letters WHERE subject_id = ANY ($1)',
          [failures.map(({ subject_id }) => subject_id)],
        );
        expect(rows.map(({ state }) => state)).toEqual(failures.map(() => 'resolved'));
      },
      { within_ms: 20_000 },
    );
    await second.stop();
  });

  it.each(['credential', 'destination'] as const)(
    'DLQ-3.e resolves the dead letter of a %s when it works again, in whatever order the news comes',
    async (subject_type) => {
      const [before, after] = [aDestinationFailure({ subject_type }), aDestinationFailure({ subject_type })];
      await stage.send(failureEvent(before));
      await arrived(before.subject_id);
      await stage.send(recoveredEvent(before, 2));
      await stage.send(recoveredEvent(after, 2));
      await eventually(async () => {
        const known = await stage.database.sql('SELECT FROM settlements WHERE subject_id = $1', [after.subject_id]);
        expect(known).toHaveLength(1);
      });
      await stage.send(failureEvent(after));
      for (const { subject_id } of [before, after]) {
        const letter = await arrived(subject_id, 2);
        expect(letter).toMatchObject({ subject_type, source: '*', job_id: null, state: 'resolved' });
        expect(letter.transitions.at(-1)).toMatchObject({ to_state: 'resolved', cause: 'delivered' });
      }
      await stage.send(failureEvent({ ...before, revision: 3 }));
      expect(await arrived(before.subject_id, 3)).toMatchObject({ state: 'open' });
    },
  );

  it('DLQ-9.a resolves the dead letter of a delivery that a later job has adopted and made', async () => {
    const failure = aFailure({ revision: 9 });
    await stage.send(failureEvent(failure));
    await arrived(failure.subject_id);
    const adopted = { job_id: v7(), revision: 1, occurred_at: '2026-06-01T00:00:00.000Z' };
    await stage.send(failureEvent({ ...failure, ...adopted, code: 'smtp_551' }));
    await eventually(async () => {
      expect(await stage.letterOf(failure.subject_id)).toMatchObject({ code: 'smtp_551', job_id: adopted.job_id });
    });
    const later = { ...adopted, revision: 2, occurred_at: '2026-06-02T00:00:00.000Z' };
    await stage.send(settledEvent(aSettlement(failure, 'sent', later)));
    const letter = await arrived(failure.subject_id, 2);
    expect(letter).toMatchObject({ state: 'resolved', occurrences: 2 });
    expect(letter.transitions[1]).toMatchObject({ cause: 'delivered' });
  });

  it('leaves nothing behind of deliveries that went the usual way', async () => {
    const sent = aFailure();
    await stage.send(settledEvent(aSettlement(sent, 'sent')));
    await settledDown();
    const rows = await stage.database.sql('SELECT FROM settlements WHERE subject_id = $1', [sent.subject_id]);
    expect(rows).toEqual([]);
  });

  it('DLQ-1.c pages for a bug by log event and metric', async () => {
    const lines: LogLine[] = [];
    const stop = addLogSink((line) => lines.push(line));
    const bug = aFailure({ error_class: 'PROGRAMMING_ERROR', code: 'unexpected_error', correlation_id: 'corr-bug' });
    await stage.send(failureEvent(bug));
    await arrived(bug.subject_id);
    const line = await eventually(() => {
      const found = lines.find(({ event }) => event === 'bug_dead_lettered');
      expect(found).toBeDefined();
      return found!;
    });
    stop();
    expect(line).toMatchObject({ level: 'error', job_id: bug.job_id, correlation_id: 'corr-bug', source: 'acme' });
    const text = await renderMetrics();
    expect(text).toContain('assay_dead_letter_bugs_total{stage="notify"} 1');
    expect(text).toMatch(/assay_dead_letters\{class="PROGRAMMING_ERROR",state="open"\} 1/);
  });

  it('DLQ-4.c parks what it cannot read, announces nothing of it and goes on', async () => {
    const dead = await stage.kafka.consume('stage.dead_lettered');
    await stage.sendRaw('not json');
    await settledDown();
    const parked = await eventually(async () => {
      const rows = await stage.database.sql<{ topic: string }>('SELECT topic FROM parked_records');
      expect(rows).toHaveLength(1);
      return rows[0]!;
    });
    expect(parked.topic).toBe(stage.kafka.topic('stage.dead_lettered'));
    await settledDown();
    const announced = dead.records.filter(({ value }) => value!.toString().includes('TRANSPORT_MALFORMED'));
    expect(announced).toEqual([]);
  });
});

describe('the dead letter of a job that was given up', () => {
  const job_id = v7();
  const silent = { stage: 'ingest', subject_type: 'job', error_class: 'NO_NEWS', code: 'no_news' } as const;
  const aSilence = (id: string) => aFailure({ ...silent, job_id: id, subject_id: id, revision: 2 });

  it('ING-11.d is resolved by the end that follows, in whatever order the topics come', async () => {
    const orders = [
      ...['letter given_up end', 'letter end given_up', 'given_up letter end'],
      ...['given_up end letter', 'end letter given_up', 'end given_up letter'],
    ];
    for (const order of orders) {
      const failure = aSilence(v7());
      const ended = (revision: number, given_up: boolean) =>
        jobEvent('review.settled', endOf(failure, { revision, given_up }), { traceparent: null });
      const events = { letter: failureEvent(failure), given_up: ended(3, true), end: ended(4, false) };
      for (const name of order.split(' ') as (keyof typeof events)[]) {
        await stage.send(events[name]);
        if (name === 'letter') await arrived(failure.subject_id);
        if (name === 'end') await remembered(failure.subject_id);
      }
      const letter = await arrived(failure.subject_id, 2);
      expect([order, letter.state, letter.transitions.at(-1)]).toMatchObject([
        order,
        'resolved',
        { cause: 'news_arrived', actor: 'service:dead-letter' },
      ]);
    }
  });

  it('ING-11.d stays open by the deliveries alone: they may have come too late for the job', async () => {
    const failure = aSilence(job_id);
    await stage.send(failureEvent(failure));
    await arrived(job_id);
    const delivery = aFailure({ job_id });
    await stage.send(failureEvent(delivery));
    await arrived(delivery.subject_id);
    await stage.send(settledEvent(aSettlement(delivery, 'sent', { revision: 9 })));
    expect(await arrived(delivery.subject_id, 2)).toMatchObject({ state: 'resolved' });
    expect(await arrived(job_id)).toMatchObject({ state: 'open' });
  });

  const remembered = (subject_id: string) =>
    eventually(async () => {
      const sql = 'SELECT FROM settlements WHERE subject_id = $1';
      expect(await stage.database.sql(sql, [subject_id])).toHaveLength(1);
    });
});

describe('dead_letter.changed', () => {
  it('tells of each transition once, with the id that publishing again would give again', async () => {
    const failure = aFailure();
    await stage.send(failureEvent(failure));
    const letter = await arrived(failure.subject_id);
    await stage.call('operator', `/v1/dead-letters/${letter.id}/discard`, { reason: 'a test mailbox' });
    await eventually(() => expect(changesOf(letter.id)).toHaveLength(2));
    const records = changes.records.filter(({ headers }) => headers.ce_id?.startsWith(letter.id));
    expect(records.map(({ headers }) => headers.ce_id)).toEqual([
      `${letter.id}:0:1:dead_letter.changed`,
      `${letter.id}:0:2:dead_letter.changed`,
    ]);
    expect(records[1]!.json<DeadLetterChanged>()).toMatchObject({
      ...{ source: 'acme', job_id: failure.job_id, state: 'discarded', cause: 'discarded', correlation_id: 'corr-1' },
      ...{ subject_id: failure.subject_id, stage: 'notify', error_class: 'RECIPIENT_INVALID', revision: 2 },
    });
    expect(records[0]!.key).toBe('acme 1234');
    await eventually(async () => {
      const [left] = await stage.database.sql<{ items: string }>('SELECT count(*) AS items FROM work_items');
      expect(Number(left!.items)).toBe(0);
    });
  });
});

describe('many', () => {
  it('GEN-2.a takes a batch of failures, new ones and further ones of the same subjects mixed', async () => {
    const job_id = v7();
    const failures = Array.from({ length: 100 }, (_, i) => aFailure({ job_id, changelist_id: `many-${i % 7}` }));
    const again = failures.map((failure) => failureEvent({ ...failure, generation: 1, revision: 1, code: 'again' }));
    await stage.send(...failures.map(failureEvent), ...again, ...failures.map(failureEvent));
    await eventually(async () => {
      const rows = await stage.database.sql<{ code: string; generation: number }>(
        'SELECT code, generation FROM dead_letters WHERE job_id = $1',
        [job_id],
      );
      expect(rows).toHaveLength(100);
      expect(rows.every(({ code, generation }) => code === 'again' && generation === 1)).toBe(true);
    });
  });
});
