import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProblemDetails } from '@assay/contracts';
import { addLogSink, renderMetrics } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { RunningService } from '@assay/service';
import { eventually } from '@assay/testing';
import { v7 } from 'uuid';
import { failureEvent } from '../dead-letter.fixture.js';
import type { LetterView } from '../triage/letters-view.repository.js';
import type { PlanView } from './plans-view.repository.js';
import { replayStage } from './replay.fixture.js';
import type { Failed, ReplayStage } from './replay.fixture.js';
import { SilentReplaysService } from './silent-replays.service.js';

/** The default of ASSAY_REPLAY_TIMEOUT_MS. */
const TIMEOUT_HOURS = 72;

let stage: ReplayStage;
beforeAll(async () => (stage = await replayStage()));
afterAll(() => stage.close());
afterEach(async () => {
  for (const one of replicas.splice(0)) await one.stop();
});

const replicas: RunningService[] = [];
async function replica(settings?: Record<string, string>): Promise<RunningService> {
  const started = await stage.replica(settings);
  replicas.push(started);
  return started;
}

const look = (service = stage.service) => service.app.get(SilentReplaysService).lookOnce();
const inState = (of: Failed, state: string) =>
  eventually(async () => {
    const letter = await stage.letter(of);
    expect(letter.state).toBe(state);
    return letter;
  });
const itemOf = async (plan: PlanView) => (await stage.items(plan))[0]!;

/** A plan for dead letters, executed and asked for, of which nobody has told for so long. */
async function silentFor(hours: number, of: Failed[], { accepted } = { accepted: false }) {
  const plan = await stage.plan(of);
  await stage.act(plan, 'execute');
  const requests = await Promise.all(
    of.map((one) =>
      eventually(
        async () =>
          (await stage.requests(one)).find(({ plan_id }) => plan_id === plan.id) ?? Promise.reject(new Error()),
      ),
    ),
  );
  if (accepted) {
    for (const request of requests) await stage.accept(request);
    await eventually(async () => expect((await stage.read(plan)).progress).toEqual({ accepted: of.length }));
  }
  await age(plan, hours);
  return { plan, request: requests[0]! };
}

async function age({ id }: PlanView, hours: number) {
  await stage.database.sql(
    `UPDATE replay_items SET changed_at = clock_timestamp() - $2 * interval '1 hour' WHERE plan_id = $1`,
    [id, hours],
  );
}

describe('a replay without a word', () => {
  it.each([
    ['was asked for', { accepted: false }],
    ['was accepted', { accepted: true }],
  ])('DLQ-5.c that %s is waited for until its time-out, and then open again', async (_what, so_far) => {
    const failed = await stage.fail();
    const { plan } = await silentFor(TIMEOUT_HOURS - 1, [failed], so_far);
    expect(await look()).toBe(0);
    expect((await stage.letter(failed)).state).toBe('replaying');
    await age(plan, TIMEOUT_HOURS + 1);
    const lines: LogLine[] = [];
    const stop = addLogSink((line) => lines.push(line));
    expect(await look()).toBe(1);
    stop();
    expect(lines.find(({ event }) => event === 'replay_timed_out')).toMatchObject({
      ...{ level: 'error', plan_id: plan.id, dead_letter_id: failed.letter.id },
    });
    const letter = await stage.letter(failed);
    expect(letter).toMatchObject({ state: 'open', error_class: 'RECIPIENT_INVALID', closed_at: null });
    expect(letter.transitions.at(-1)).toMatchObject({
      ...{ from_state: 'replaying', to_state: 'open', cause: 'replay_timed_out', actor: 'service:dead-letter' },
    });
    expect(await stage.read(plan)).toMatchObject({ state: 'completed', progress: { given_up: 1 } });
    const item = await itemOf(plan);
    expect(item).toMatchObject({ state: 'given_up', code: 'replay_timed_out' });
    expect(item.ended_at).not.toBeNull();
    expect(item.transitions.at(-1)).toMatchObject({ to_state: 'given_up', cause: 'replay_timed_out' });
    expect(await renderMetrics()).toMatch(/assay_replays_timed_out_total\{action="replay"\} [12]\n/);
    expect(await look()).toBe(0);
  });

  it('DLQ-5.c counts from the last word: an answer begins the time anew', async () => {
    const failed = await stage.fail();
    const { plan, request } = await silentFor(TIMEOUT_HOURS + 1, [failed]);
    await stage.accept(request);
    await eventually(async () => expect((await itemOf(plan)).state).toBe('accepted'));
    expect(await look()).toBe(0);
    await stage.deliver(failed, 1);
    await inState(failed, 'resolved');
  });

  it('DLQ-5.c judges again under the locks what was answered while it waited for them', async () => {
    const failed = await stage.fail();
    const { plan } = await silentFor(TIMEOUT_HOURS + 1, [failed]);
    const database = stage.service.app.get(Database);
    let looking!: Promise<number>;
    await database.transaction(async (tx) => {
      await tx.query('SELECT FROM replay_plans WHERE id = $1 FOR UPDATE', [plan.id]);
      looking = look();
      await eventually(async () => {
        const waiting = await stage.database.sql(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(waiting).toHaveLength(1);
      });
      await tx.execute('UPDATE replay_items SET changed_at = clock_timestamp() WHERE plan_id = $1', [plan.id]);
    });
    expect(await looking).toBe(0);
    expect((await stage.letter(failed)).state).toBe('replaying');
  });

  it('DLQ-5.c is given up once by however many replicas, which leave to others what those have in hand', async () => {
    const failed = await Promise.all(Array.from({ length: 8 }, () => stage.fail()));
    const { plan } = await silentFor(TIMEOUT_HOURS + 1, failed);
    const second = await replica();
    await stage.service.app.get(Database).transaction(async (tx) => {
      await tx.query('SELECT FROM dead_letters WHERE id = $1 FOR UPDATE', [failed[0]!.letter.id]);
      const looks = await Promise.all([look(), look(second), look(), look(second)]);
      expect(looks.reduce((sum, given_up) => sum + given_up)).toBeLessThanOrEqual(7);
      await look(second);
      expect((await stage.read(plan)).progress).toEqual({ requested: 1, given_up: 7 });
    });
    expect(await look()).toBe(1);
    expect((await stage.read(plan)).state).toBe('completed');
    for (const one of failed) {
      const { transitions } = await stage.letter(one);
      expect(transitions.filter(({ cause }) => cause === 'replay_timed_out')).toHaveLength(1);
    }
  });

  it('GEN-7.f that cannot be given up fails none of those that are found with it', async () => {
    const [bad, sound] = [await stage.fail(), await stage.fail()];
    await silentFor(TIMEOUT_HOURS + 1, [bad, sound]);
    await stage.database.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.id = '${bad.letter.id}' THEN RAISE 'refused'; END IF; RETURN NEW; END $$`);
    await stage.database.sql(
      'CREATE TRIGGER refuse BEFORE UPDATE ON dead_letters FOR EACH ROW EXECUTE FUNCTION refuse()',
    );
    try {
      expect(await look()).toBe(1);
    } finally {
      await stage.database.sql('DROP FUNCTION refuse CASCADE');
    }
    expect((await stage.letter(sound)).state).toBe('open');
    expect((await stage.letter(bad)).state).toBe('replaying');
    expect(await look()).toBe(1);
  });

  it('GEN-7.f whose plan a session hangs on to keeps none of another plan', async () => {
    const impatient = await replica({ ASSAY_POSTGRES_STATEMENT_TIMEOUT_MS: '1000' });
    const [held, sound] = [await stage.fail(), await stage.fail()];
    const { plan } = await silentFor(TIMEOUT_HOURS + 2, [held]);
    await silentFor(TIMEOUT_HOURS + 1, [sound]);
    await stage.service.app.get(Database).transaction(async (tx) => {
      await tx.query('SELECT FROM replay_plans WHERE id = $1 FOR UPDATE', [plan.id]);
      await expect(look(impatient)).rejects.toMatchObject({ error_class: 'CONFLICT' });
      expect((await stage.letter(sound)).state).toBe('open');
    });
    expect((await stage.letter(held)).state).toBe('replaying');
    expect(await look()).toBe(1);
  });

  it('DLQ-5.c, OPS-1.a is found by the service itself, whose liveness counts on it', async () => {
    const second = await replica({ ASSAY_REPLAY_TIMEOUT_MS: '400' });
    const failed = await stage.fail();
    const plan = await stage.plan([failed]);
    await stage.act(plan, 'execute');
    await stage.requests(failed);
    await inState(failed, 'open');
    const health = (await (await fetch(`${second.probes_url}/livez`)).json()) as { loops: object };
    expect(Object.keys(health.loops)).toEqual(
      expect.arrayContaining(['silent_replays', 'work_queue', 'kafka_consumer']),
    );
  });
});

describe('what comes after a time-out', () => {
  const timedOut = async (of: Failed, so_far?: { accepted: boolean }) => {
    const silent = await silentFor(TIMEOUT_HOURS + 1, [of], so_far);
    expect(await look()).toBe(1);
    return silent;
  };

  it.each([
    ['the answer first', ['accept', 'deliver', 'settle']],
    ['the outcome first', ['settle', 'deliver', 'accept']],
  ])('DLQ-5.e, GEN-9.c resolves the dead letter all the same: %s', async (_title, order) => {
    const failed = await stage.fail();
    const { plan, request } = await timedOut(failed);
    const act = {
      accept: () => stage.accept(request),
      deliver: () => stage.deliver(failed, 1),
      settle: () => stage.settleJob(request),
    };
    for (const name of order) await act[name as keyof typeof act]();
    const letter = await inState(failed, 'resolved');
    expect(letter.transitions.map(({ cause }) => cause).slice(-2)).toEqual(['replay_timed_out', 'delivered']);
    await eventually(async () => expect((await itemOf(plan)).accepted_generation).toBe(1));
    expect(await itemOf(plan)).toMatchObject({ state: 'given_up', code: 'replay_timed_out' });
    expect((await stage.read(plan)).state).toBe('completed');
  });

  it('DLQ-5.e takes a late failure for what it tells, and leaves a late refusal alone', async () => {
    const failed = await stage.fail();
    const { request } = await timedOut(failed);
    await stage.refuse(request, 'job_not_failed');
    await stage.send(failureEvent({ ...failed.failure, generation: 1, revision: 1, code: 'smtp_551' }));
    await eventually(async () => expect((await stage.letter(failed)).code).toBe('smtp_551'));
    const letter = await stage.letter(failed);
    expect(letter).toMatchObject({ state: 'open', generation: 1, occurrences: 2 });
    expect(letter.transitions.at(-1)).toMatchObject({ cause: 'replay_timed_out' });
  });

  it.each([
    ['its late answer', (request: Requested) => stage.accept(request)],
    ['the late end of the job', (request: Requested) => stage.settleJob(request)],
  ])('DLQ-5.e is asked again from where %s says that the job stands', async (_what, tell) => {
    const failed = await stage.fail();
    const { plan, request } = await timedOut(failed);
    await tell(request);
    await eventually(async () => {
      const [item] = await stage.database.sql<{ generation: number }>(
        'SELECT greatest(accepted_generation, job_generation) AS generation FROM replay_items WHERE plan_id = $1',
        [plan.id],
      );
      expect(item!.generation).toBe(1);
    });
    const { request: next } = await silentFor(0, [failed]);
    expect(next.generation).toBe(1);
    await stage.accept(next);
    await stage.deliver(failed, 2);
    await inState(failed, 'resolved');
  });

  it('DLQ-5.e, ING-9.d learns from a refusal where the job stands, when every other word is lost', async () => {
    const failed = await stage.fail();
    await timedOut(failed, { accepted: false });
    const { request: again, plan } = await silentFor(0, [failed]);
    expect(again.generation).toBe(0);
    await stage.refuse(again, 'generation_moved', 1);
    await inState(failed, 'open');
    expect(await itemOf(plan)).toMatchObject({ state: 'refused', code: 'generation_moved' });
    const { request: third } = await silentFor(0, [failed]);
    expect(third.generation).toBe(1);
    await stage.deliver(failed, 2);
    await inState(failed, 'resolved');
  });

  it('DLQ-5.c lets the next replay of the job go, though the end of the last was never heard of', async () => {
    const job_id = v7();
    const [first, second] = [await stage.fail({ job_id }), await stage.fail({ job_id })];
    const { plan, request } = await silentFor(0, [first], { accepted: true });
    await stage.deliver(first, 1);
    await inState(first, 'resolved');
    const waiting = await stage.plan([second]);
    await stage.act(waiting, 'execute');
    expect((await itemOf(waiting)).state).toBe('queued');
    await age(plan, TIMEOUT_HOURS + 1);
    const [next] = await stage.requests(second);
    expect(next!.generation).toBe(request.generation + 1);
    await stage.deliver(second, 2);
  });
});

describe('POST /v1/dead-letters/{id}/end-replay', () => {
  const end = (
    of: Failed,
    body: object = { reason: 'ingest was restored from a backup' },
    as: 'operator' | 'auditor' | 'other_operator' = 'operator',
  ) => stage.call<LetterView & ProblemDetails>(as, `/v1/dead-letters/${of.letter.id}/end-replay`, body);

  it('DLQ-5.d opens the dead letter at once, with who and why in its history and its item', async () => {
    const failed = await stage.fail();
    const { plan } = await silentFor(0, [failed]);
    const { status, body } = await end(failed);
    expect([status, body.state]).toEqual([200, 'open']);
    expect(body.transitions.at(-1)).toMatchObject({
      ...{ from_state: 'replaying', to_state: 'open', cause: 'replay_ended', actor: 'key:operator' },
      note: 'ingest was restored from a backup',
    });
    expect(await stage.read(plan)).toMatchObject({ state: 'completed', progress: { given_up: 1 } });
    const item = await itemOf(plan);
    expect(item).toMatchObject({ state: 'given_up', code: 'replay_ended' });
    expect(item.transitions.at(-1)).toMatchObject({ to_state: 'given_up', actor: 'key:operator' });
    await stage.deliver(failed, 1);
    await inState(failed, 'resolved');
  });

  it('DLQ-5.d, GEN-2.a moves once, however often and by however many it is done', async () => {
    const failed = await stage.fail();
    await silentFor(0, [failed]);
    const answers = await Promise.all(Array.from({ length: 5 }, () => end(failed)));
    expect(answers.map(({ status, body }) => [status, body.state])).toEqual(answers.map(() => [200, 'open']));
    expect((await stage.letter(failed)).transitions.filter(({ cause }) => cause === 'replay_ended')).toHaveLength(1);
  });

  it('DLQ-5.d is refused where no replay is under way, without a reason, and to who may not', async () => {
    const failed = await stage.fail();
    expect(await end(failed)).toMatchObject({ status: 409, body: { code: 'illegal_transition', state: 'open' } });
    await silentFor(0, [failed]);
    for (const body of [{}, { reason: ' ' }]) expect(await end(failed, body)).toMatchObject({ status: 400 });
    expect(await end(failed, undefined, 'auditor')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await end(failed, undefined, 'other_operator')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await stage.letter(failed)).state).toBe('replaying');
  });
});

type Requested = Parameters<ReplayStage['accept']>[0];
