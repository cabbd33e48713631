import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { renderMetrics } from '@assay/observability';
import { eventually } from '@assay/testing';
import { v7 } from 'uuid';
import { aSettlement, failureEvent, settledEvent } from '../dead-letter.fixture.js';
import { acceptedEvent, replayStage } from './replay.fixture.js';
import type { Failed, ReplayStage } from './replay.fixture.js';
import type { PlanView } from './plans-view.repository.js';

let stage: ReplayStage;
beforeAll(async () => (stage = await replayStage()));
afterAll(() => stage.close());

const inState = (of: Failed, state: string) =>
  eventually(async () => {
    const letter = await stage.letter(of);
    expect(letter.state).toBe(state);
    return letter;
  });
const planIn = (plan: PlanView, state: string) =>
  eventually(async () => {
    const found = await stage.read(plan);
    expect(found.state).toBe(state);
    return found;
  });
const statesOf = async (plan: PlanView) => (await stage.items(plan)).map(({ state, code }) => [state, code]);

/** A plan for one dead letter, executed and asked for. */
async function replayed(of: Failed, body: object = {}) {
  const plan = await stage.plan([of], body);
  await stage.act(plan, 'execute');
  const [request] = await stage.requests(of);
  return { plan, request: request! };
}

describe('execution', () => {
  it('DLQ-8.d, DLQ-9.a asks ingest, follows the answer and resolves with downstream success', async () => {
    const failed = await stage.fail();
    const plan = await stage.plan([failed], { reason: 'mended' });
    const { status, body } = await stage.act(plan, 'execute');
    expect({ status, ...body }).toMatchObject({ status: 200, state: 'executing', executed_by: 'key:operator' });
    const [request] = await stage.requests(failed);
    const [item] = await stage.items(plan);
    const { job_id, source, changelist_id, review_version, subject_id } = failed.failure;
    expect(request).toMatchObject({
      ...{ job_id, source, changelist_id, review_version, subject_id, generation: 0, revision: 1 },
      ...{ plan_id: plan.id, item_id: item!.id, dead_letter_id: failed.letter.id, subject_type: 'delivery' },
      ...{
        action: 'replay',
        start_stage: 'notify',
        corrected_recipient: null,
        reason: 'mended',
        actor: 'key:operator',
      },
      correlation_id: 'corr-1',
    });
    const record = stage.requested.records.find(({ headers }) => headers.ce_id?.startsWith(item!.id));
    expect(record!.headers.ce_id).toBe(`${item!.id}:0:1:replay.requested`);
    const replaying = await inState(failed, 'replaying');
    expect(replaying.transitions.at(-1)).toMatchObject({ cause: 'replay_requested', actor: 'key:operator' });

    await stage.accept(request!);
    await eventually(async () => expect(await statesOf(plan)).toEqual([['accepted', null]]));
    await stage.deliver(failed, 1);
    await inState(failed, 'resolved');
    const done = await planIn(plan, 'completed');
    expect(done.progress).toEqual({ resolved: 1 });
    expect(done.ended_at).not.toBeNull();
    expect(done.transitions.map(({ to_state }) => to_state)).toEqual(['frozen', 'executing', 'completed']);
    const [over] = await stage.items(plan);
    expect(over).toMatchObject({
      state: 'resolved',
      code: 'delivered',
      requested_generation: 0,
      accepted_generation: 1,
    });
    expect(over!.transitions.map(({ to_state, actor }) => [to_state, actor])).toEqual([
      ['pending', 'key:operator'],
      ['queued', 'key:operator'],
      ['requested', 'service:dead-letter'],
      ['accepted', 'service:ingest'],
      ['resolved', 'service:dead-letter'],
    ]);
    await eventually(async () => {
      const [left] = await stage.database.sql<{ items: string }>('SELECT count(*) AS items FROM work_items');
      expect(Number(left!.items)).toBe(0);
    });
    expect(await renderMetrics()).toMatch(/assay_replay_items_total\{action="replay",outcome="resolved"\} 1/);
  });

  it('DLQ-10.a asks for each item once, however often and by however many it is executed', async () => {
    const failed = await stage.fail();
    const plan = await stage.plan([failed]);
    const answers = await Promise.all(Array.from({ length: 5 }, () => stage.act(plan, 'execute')));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'illegal_transition' });
    const [request] = await stage.requests(failed);
    await stage.accept(request!);
    await stage.send(acceptedEvent(request!), acceptedEvent(request!));
    await stage.deliver(failed, 1);
    await stage.deliver(failed, 1);
    await planIn(plan, 'completed');
    expect(await stage.act(plan, 'execute')).toMatchObject({ status: 409 });
    const asked = await stage.requests(failed);
    expect(new Set(asked.map(({ item_id }) => item_id)).size).toBe(1);
    expect((await stage.items(plan))[0]!.transitions.filter(({ to_state }) => to_state === 'requested')).toHaveLength(
      1,
    );
  });

  it('DLQ-8.f has a dead letter in one executing plan only', async () => {
    const failed = await stage.fail();
    const [first, second] = [await stage.plan([failed]), await stage.plan([failed])];
    const acts = await Promise.all([stage.act(first, 'execute'), stage.act(second, 'execute')]);
    expect(acts.map(({ status }) => status)).toEqual([200, 200]);
    const [request] = await stage.requests(failed);
    const [has, has_not] = request!.plan_id === first.id ? [first, second] : [second, first];
    expect(await statesOf(has_not)).toEqual([['skipped', 'in_another_plan']]);
    expect((await stage.read(has_not)).state).toBe('completed');
    const third = await stage.call('operator', '/v1/replay-plans', {
      ...{ dead_letter_ids: [failed.letter.id], action: 'replay' },
    });
    expect(third).toMatchObject({ status: 409, body: { code: 'nothing_to_replay' } });
    await stage.accept(request!);
    await stage.deliver(failed, 1);
    await planIn(has, 'completed');
  });

  it('DLQ-8.h pauses, resumes and cancels; what was asked for runs its course', async () => {
    const failed = await Promise.all(Array.from({ length: 4 }, () => stage.fail()));
    const plan = await stage.plan(failed, { items_per_second: 0.1 });
    expect(await stage.act(plan, 'pause')).toMatchObject({ status: 409 });
    await stage.act(plan, 'execute');
    const [request] = await stage.requests(failed[0]!);
    expect(await stage.act(plan, 'pause')).toMatchObject({ status: 200, body: { state: 'paused' } });
    expect(await stage.act(plan, 'execute')).toMatchObject({ status: 409 });
    await stage.accept(request!);
    await stage.deliver(failed[0]!, 1);
    await inState(failed[0]!, 'resolved');
    expect((await stage.read(plan)).progress).toEqual({ resolved: 1, queued: 3 });
    expect(await stage.act(plan, 'resume')).toMatchObject({ status: 200, body: { state: 'executing' } });
    // Its pace outlives the pause: the next is due ten seconds after the first, not at once.
    const cancelled = await stage.act(plan, 'cancel');
    expect(cancelled).toMatchObject({
      status: 200,
      body: { state: 'cancelled', progress: { resolved: 1, cancelled: 3 } },
    });
    expect((await stage.letter(failed[1]!)).state).toBe('open');
    expect(await stage.act(plan, 'resume')).toMatchObject({ status: 409 });
  });

  it('DLQ-8.i asks no faster than the plan says', async () => {
    const failed = await Promise.all(Array.from({ length: 4 }, () => stage.fail()));
    const plan = await stage.plan(failed, { items_per_second: 4 });
    await stage.act(plan, 'execute');
    await Promise.all(failed.map((one) => stage.requests(one)));
    const times = (await stage.items(plan)).map(({ requested_at }) => Date.parse(requested_at!));
    for (const [index, time] of times.slice(1).entries()) expect(time - times[index]!).toBeGreaterThanOrEqual(245);
    await stage.act(plan, 'cancel');
  });

  it('DLQ-10.a goes on where it was when every worker is gone: from its item, under another replica', async () => {
    const failed = await Promise.all(Array.from({ length: 3 }, () => stage.fail()));
    const plan = await stage.plan(failed, { items_per_second: 2 });
    await stage.act(plan, 'execute');
    await stage.requests(failed[0]!);
    // As a process leaves its item that was killed with it in hand.
    await stage.database.sql(
      `UPDATE work_items SET state = 'running', claimed_by = 'gone', lease_token = gen_random_uuid(),
         lease_expires_at = clock_timestamp() + interval '100 ms' WHERE queue = 'replay_plan' AND state = 'queued'`,
    );
    for (const one of failed) expect(await stage.requests(one)).toHaveLength(1);
    await stage.act(plan, 'cancel');
  });

  it('DLQ-8.h stands paused where its workers crash again and again, and goes on when resumed', async () => {
    const failed = await Promise.all(Array.from({ length: 2 }, () => stage.fail()));
    const plan = await stage.plan(failed, { items_per_second: 0.5 });
    await stage.act(plan, 'execute');
    await stage.requests(failed[0]!);
    await eventually(async () => {
      const crashed = await stage.database.sql(
        `UPDATE work_items SET crashes = 3, due_at = clock_timestamp() WHERE queue = 'replay_plan' AND state = 'queued'
           AND subject_id = $1 RETURNING id`,
        [plan.id],
      );
      expect(crashed).toHaveLength(1);
    });
    const paused = await planIn(plan, 'paused');
    expect(paused.transitions.at(-1)).toMatchObject({ cause: 'runner_failed', actor: 'service:dead-letter' });
    await stage.act(plan, 'resume');
    await stage.requests(failed[1]!);
    await stage.act(plan, 'cancel');
  });

  it('replays the dead letters of one job one after another, each from the generation that stands then', async () => {
    const job_id = v7();
    const [first, second] = [await stage.fail({ job_id }), await stage.fail({ job_id })];
    const plans = [await stage.plan([first]), await stage.plan([second])];
    for (const plan of plans) await stage.act(plan, 'execute');
    const [request] = await stage.requests(first);
    await stage.accept(request!);
    await stage.deliver(first, 1);
    await inState(first, 'resolved');
    // Verified, but ingest has not ended the generation: it would refuse the next.
    expect(await statesOf(plans[1]!)).toEqual([['queued', null]]);
    await stage.settleJob(request!);
    const [next] = await stage.requests(second);
    expect(next!.generation).toBe(1);
    await stage.accept(next!);
    await stage.deliver(second, 2);
    await planIn(plans[1]!, 'completed');
  });

  it('GEN-6.e, DLQ-8.g passes over what is no longer as it was when the plan was frozen', async () => {
    const [gone, kept] = [await stage.fail(), await stage.fail()];
    const plan = await stage.plan([gone, kept]);
    await stage.call('operator', `/v1/dead-letters/${gone.letter.id}/discard`, { reason: 'a test mailbox' });
    await stage.act(plan, 'execute');
    const [request] = await stage.requests(kept);
    await stage.refuse(request!, 'job_not_failed');
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([
      ['skipped', 'state_not_replayable'],
      ['refused', 'job_not_failed'],
    ]);
    expect((await stage.letter(gone)).state).toBe('discarded');
    const [skipped] = await stage.items(plan);
    expect(skipped!.transitions.at(-1)).toMatchObject({ to_state: 'skipped', actor: 'service:dead-letter' });
    expect(await renderMetrics()).toMatch(/^assay_replay_items_total\{action="replay",outcome="skipped"\} [1-9]/m);
  });
});

describe('verification', () => {
  it('DLQ-9.b escalates the same permanent failure', async () => {
    const failed = await stage.fail();
    const { plan, request } = await replayed(failed);
    await stage.accept(request);
    await stage.send(failureEvent({ ...failed.failure, generation: 1, revision: 1 }));
    const letter = await inState(failed, 'escalated');
    expect(letter.transitions.at(-1)).toMatchObject({ cause: 'failed_the_same_way', generation: 1 });
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['escalated', 'failed_the_same_way']]);
  });

  it('DLQ-9.c reopens with the new facts when it failed in another way', async () => {
    const failed = await stage.fail();
    const { plan, request } = await replayed(failed);
    await stage.accept(request);
    const other = { error_class: 'POLICY_REJECTED' as const, code: 'smtp_554', generation: 1, revision: 1 };
    await stage.send(failureEvent({ ...failed.failure, ...other }));
    const letter = await inState(failed, 'open');
    expect(letter).toMatchObject({ error_class: 'POLICY_REJECTED', code: 'smtp_554', generation: 1, occurrences: 2 });
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['reopened', 'failed_again']]);
  });

  it('DLQ-9.e reopens what is exhausted again, for waiting may mend it', async () => {
    const failed = await stage.fail({ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'connection_refused' });
    const { plan, request } = await replayed(failed);
    await stage.accept(request);
    await stage.send(failureEvent({ ...failed.failure, generation: 1, revision: 1 }));
    await inState(failed, 'open');
    await planIn(plan, 'completed');
  });

  it('GEN-9.a is not deceived by late news of the generation before', async () => {
    const failed = await stage.fail();
    const { plan, request } = await replayed(failed);
    await stage.send(failureEvent({ ...failed.failure, revision: 5, error_class: 'POLICY_REJECTED' }));
    await eventually(async () => expect((await stage.letter(failed)).error_class).toBe('POLICY_REJECTED'));
    expect((await stage.letter(failed)).state).toBe('replaying');
    await stage.accept(request);
    await stage.deliver(failed, 1);
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['resolved', 'delivered']]);
  });

  it('GEN-9.c, DLQ-9.a takes the outcome before the answer', async () => {
    const failed = await stage.fail();
    const { plan, request } = await replayed(failed);
    await stage.deliver(failed, 1);
    await planIn(plan, 'completed');
    await stage.accept(request);
    await stage.settleJob(request);
    await stage.deliver(failed, 1);
    const [item] = await stage.items(plan);
    expect(item).toMatchObject({ state: 'resolved', accepted_generation: 1 });
  });

  it('ING-9.d brings a refused one back to where it is seen, with the code', async () => {
    const failed = await stage.fail();
    const { plan, request } = await replayed(failed);
    await stage.refuse(request, 'superseded_by_job');
    const letter = await inState(failed, 'open');
    expect(letter.transitions.at(-1)).toMatchObject({ cause: 'replay_refused', note: 'superseded_by_job' });
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['refused', 'superseded_by_job']]);
    await stage.refuse(request, 'superseded_by_job');
    const again = await replayedOnce(failed);
    await stage.refuse(request, 'superseded_by_job');
    await stage.accept(again.request);
    await stage.deliver(failed, 1);
    await planIn(again.plan, 'completed');
  });

  it('DEL-10.b, DLQ-9.a resolves by the end of the corrected delivery, not by the replacement', async () => {
    const failed = await stage.fail();
    const corrected_recipient = { channel: 'email', address: 'dana@example.com' };
    const { plan, request } = await replayed(failed, { action: 'correct_recipient', corrected_recipient });
    expect(request).toMatchObject({ action: 'correct_recipient', corrected_recipient });
    await stage.accept(request);
    await stage.deliver(failed, 1, 'replaced');
    await eventually(async () => expect(await statesOf(plan)).toEqual([['accepted', null]]));
    const replacement = { ...failed.failure, subject_id: v7() };
    const settled = aSettlement(replacement, 'sent', { generation: 1, revision: 9 });
    settled.deliveries[0]!.original_id = failed.failure.subject_id;
    await stage.send(settledEvent(settled));
    await inState(failed, 'resolved');
    await planIn(plan, 'completed');
  });

  it('DEL-10.c, DLQ-9.a resolves what is waived', async () => {
    const failed = await stage.fail({ error_class: 'OUTCOME_UNKNOWN', code: 'intent_without_outcome' });
    const { plan, request } = await replayed(failed, { action: 'waive', reason: 'told by telephone' });
    expect(request).toMatchObject({ action: 'waive', reason: 'told by telephone' });
    await stage.accept(request);
    await stage.deliver(failed, 1, 'waived');
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['resolved', 'waived']]);
  });

  const SCHEMA = { stage: 'validate', subject_type: 'job', error_class: 'SCHEMA_INVALID', code: 'x' } as const;

  it('DLQ-9.a resolves a job whose new generation has come past validation', async () => {
    const job_id = v7();
    const failed = await stage.fail({ ...SCHEMA, job_id, subject_id: job_id });
    const { plan, request } = await replayed(failed);
    expect(request).toMatchObject({ subject_type: 'job', start_stage: 'validate' });
    await stage.accept(request);
    await stage.deliver(failed, 1);
    await inState(failed, 'resolved');
    await planIn(plan, 'completed');
  });

  it('DLQ-9.a resolves a job that has passed validation and then fails at a delivery, which is another matter', async () => {
    const job_id = v7();
    const failed = await stage.fail({ ...SCHEMA, job_id, subject_id: job_id });
    const { request } = await replayed(failed);
    await stage.accept(request);
    await stage.fail({ job_id, generation: 1 });
    await inState(failed, 'resolved');
  });

  it('DLQ-9.a resolves what had failed at ingest when its new generation fails at validate', async () => {
    const job_id = v7();
    const lost = { stage: 'ingest', subject_type: 'job', error_class: 'NO_NEWS', code: 'no_news' } as const;
    const failed = await stage.fail({ ...lost, job_id, subject_id: job_id });
    const { plan, request } = await replayed(failed);
    await stage.accept(request);
    const rejected = { ...failed.failure, ...SCHEMA, generation: 1, revision: 1 };
    await stage.send(failureEvent(rejected));
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['resolved', 'submitted']]);
  });

  it('DLQ-9.a resolves what had failed at ingest, of whatever class, by a delivery of the new generation', async () => {
    const job_id = v7();
    const lost = { stage: 'ingest', subject_type: 'job', error_class: 'PUBLISH_REJECTED', code: 'too_large' } as const;
    const failed = await stage.fail({ ...lost, job_id, subject_id: job_id });
    const { plan, request } = await replayed(failed);
    await stage.accept(request);
    await stage.deliver(failed, 1);
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['resolved', 'submitted']]);
  });

  it('DLQ-9.e opens a delivery again whose job failed before it came to it', async () => {
    const job_id = v7();
    const failed = await stage.fail({ job_id });
    const { plan, request } = await replayed(failed, { start_stage: 'validate' });
    await stage.accept(request);
    await stage.fail({ ...SCHEMA, job_id, subject_id: job_id, generation: 1, revision: 1 });
    const letter = await inState(failed, 'open');
    expect(letter).toMatchObject({ error_class: 'RECIPIENT_INVALID' });
    expect(letter.transitions.at(-1)).toMatchObject({ cause: 'failed_earlier', note: 'validate' });
    await planIn(plan, 'completed');
    expect(await statesOf(plan)).toEqual([['reopened', 'failed_earlier']]);
  });

  it('DLQ-9.d replays no job more often than may be', async () => {
    const failed = await stage.fail({ generation: 5 });
    const answer = await stage.call('operator', '/v1/replay-plans', {
      ...{ dead_letter_ids: [failed.letter.id], action: 'replay' },
    });
    expect(answer).toMatchObject({ status: 409, body: { errors: [{ code: 'generations_exhausted' }] } });
  });
});

/** A second plan for a dead letter that was replayed before. */
async function replayedOnce(of: Failed) {
  const plan = await stage.plan([of]);
  await stage.act(plan, 'execute');
  const requests = await stage.requests(of, 2);
  return { plan, request: requests.find(({ plan_id }) => plan_id === plan.id)! };
}
