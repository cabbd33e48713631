import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobEvent } from '@assay/contracts';
import type { ActionAnswered, ActionRequested, ProblemDetails, StageDeadLettered } from '@assay/contracts';
import { eventually } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { v7 } from 'uuid';
import { aDestinationFailure, aFailure, deadLetterStage, failureEvent } from '../dead-letter.fixture.js';
import type { DeadLetterStage } from '../dead-letter.fixture.js';
import type { Page } from '../paging.js';
import type { LetterView } from '../triage/letters-view.repository.js';
import type { ActionView } from './actions.repository.js';

let stage: DeadLetterStage;
let requested: Collector;
beforeAll(async () => {
  stage = await deadLetterStage();
  requested = await stage.kafka.consume('action.requested');
});
afterAll(() => stage.close());

const PATH = '/v1/actions';
const send_now = (of: object) => ({ action: 'send_now', reason: 'the endpoint is back', ...of });

const requestsOf = (action_id: string) =>
  requested.records.map((record) => record.json<ActionRequested>()).filter((one) => one.action_id === action_id);

const requestOf = (action_id: string): Promise<ActionRequested> =>
  eventually(() => {
    expect(requestsOf(action_id)).toHaveLength(1);
    return requestsOf(action_id)[0]!;
  });

async function answer(request: ActionRequested, differs: Partial<ActionAnswered>): Promise<void> {
  const { action_id, action, sources: _, ...about } = request;
  const occurred_at = '2026-01-02T03:04:05.678Z';
  const data = {
    ...about,
    occurred_at,
    action_id,
    action,
    outcome: 'done' as const,
    code: null,
    deliveries: 3,
    ...differs,
  };
  await stage.send(jobEvent('action.answered', data, { subject: action_id, traceparent: null }));
}

async function letterOf(failure: StageDeadLettered): Promise<LetterView> {
  await stage.send(failureEvent(failure));
  return eventually(async () => {
    const letter = await stage.letterOf(failure.subject_id);
    expect(letter).not.toBeNull();
    return letter!;
  });
}

const read = async (action_id: string) => (await stage.call<ActionView>('every_source', `${PATH}/${action_id}`)).body;

describe('POST /v1/actions', () => {
  it('DEL-8.l, DEL-19.f asks the owner over Kafka, within the sources of the key, and tells what came of it', async () => {
    const delivery_id = v7();
    const { status, body } = await stage.call<ActionView>('operator', PATH, send_now({ delivery_id }));
    expect({ status, ...body }).toMatchObject({
      ...{ status: 202, action: 'send_now', subject_type: 'delivery', subject_id: delivery_id, state: 'requested' },
      ...{ reason: 'the endpoint is back', actor: 'key:operator', deliveries: null, answered_at: null },
    });
    const request = await requestOf(body.action_id);
    expect(request).toMatchObject({
      ...{ action: 'send_now', subject_type: 'delivery', subject_id: delivery_id, sources: ['acme'], revision: 1 },
      ...{ reason: 'the endpoint is back', actor: 'key:operator', correlation_id: body.correlation_id },
    });
    await answer(request, { deliveries: 1 });
    const done = await eventually(async () => {
      const read_again = await read(body.action_id);
      expect(read_again.state).toBe('done');
      return read_again;
    });
    expect(done).toMatchObject({ code: null, deliveries: 1, answered_at: '2026-01-02T03:04:05.678Z' });
    // The first answer counts.
    await answer(request, { outcome: 'refused', code: 'nothing_waits', deliveries: 0 });
    const other = await stage.call<ActionView>('every_source', PATH, send_now({ job_id: v7() }));
    await answer(await requestOf(other.body.action_id), { outcome: 'refused', code: 'not_found', deliveries: 0 });
    await eventually(async () => expect((await read(other.body.action_id)).state).toBe('refused'));
    expect(await read(other.body.action_id)).toMatchObject({ code: 'not_found', deliveries: 0 });
    expect(await read(body.action_id)).toEqual(done);
  });

  it('DEL-8.k acts on all that waits for the destination or the credential that a dead letter is about', async () => {
    for (const subject_type of ['destination', 'credential'] as const) {
      const subject_id = v7();
      const letter = await letterOf(
        aDestinationFailure({ subject_type, subject_id, sanitized_context: { destination: 'webhook:release-bot' } }),
      );
      const body = send_now({ dead_letter_id: letter.id });
      expect(await stage.call('operator', PATH, body)).toMatchObject({ status: 404 });
      const made = await stage.call<ActionView>('every_source', PATH, body);
      expect(made).toMatchObject({ status: 202, body: { dead_letter_id: letter.id } });
      expect(await requestOf(made.body.action_id)).toMatchObject({
        ...{ subject_type: 'destination', subject_id: 'webhook:release-bot', sources: null },
      });
    }
    const failed = await letterOf(aFailure());
    const { status, body } = await stage.call<ProblemDetails>(
      'operator',
      PATH,
      send_now({ dead_letter_id: failed.id }),
    );
    expect({ status, errors: body.errors }).toMatchObject({
      ...{ status: 400, errors: [{ pointer: '/dead_letter_id', code: 'action_does_not_fit' }] },
    });
  });

  it('DEL-8.l, GEN-2.a is one act however often it is asked for under one key', async () => {
    const body = send_now({ destination: 'smtp' });
    const headers = { 'idempotency-key': 'act-1' };
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => stage.call<ActionView>('operator', PATH, body, headers)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 202]);
    const [action_id, ...more] = new Set(answers.map((one) => one.body.action_id));
    expect(more).toEqual([]);
    await requestOf(action_id!);
    const another = await stage.call('operator', PATH, { ...body, reason: 'another' }, headers);
    expect(another).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
    // Whatever was published by then was published before this one.
    await requestOf((await stage.call<ActionView>('operator', PATH, body)).body.action_id);
    expect(requestsOf(action_id!)).toHaveLength(1);
  });

  it('DEL-17.a, DEL-19.f asks for what was sent to be sent again, and tells which delivery does so', async () => {
    const delivery_id = v7();
    for (const [given, as] of [
      [{}, 'again'],
      [{ as: 'the_same' }, 'the_same'],
    ] as const) {
      const asked = { action: 'send_again', delivery_id, reason: 'she deleted it', ...given };
      const { status, body } = await stage.call<ActionView>('operator', PATH, asked);
      expect({ status, ...body }).toMatchObject({ status: 202, action: 'send_again', as, delivery_id: null });
      const request = await requestOf(body.action_id);
      expect(request).toMatchObject({ action: 'send_again', subject_id: delivery_id, as, sources: ['acme'] });
      const made = v7();
      await answer(request, { deliveries: 1, delivery_id: made });
      await eventually(async () =>
        expect(await read(body.action_id)).toMatchObject({ state: 'done', delivery_id: made }),
      );
    }
  });

  it.each<[string, object, string[]]>([
    ['that sends a job again', { action: 'send_again', job_id: v7() }, ['/delivery_id']],
    ['that sends too much again', { action: 'send_again', delivery_id: v7(), job_id: v7() }, ['/job_id']],
    ['that sends now as something', { destination: 'smtp', as: 'again' }, ['/as']],
    ['that sends again as nothing known', { action: 'send_again', delivery_id: v7(), as: 'new' }, ['/as']],
    ['without a subject', {}, ['/delivery_id']],
    ['with two subjects', { delivery_id: v7(), destination: 'smtp' }, ['/destination']],
    ['without a reason', { destination: 'smtp', reason: undefined }, ['/reason']],
    ['with a blank reason', { destination: 'smtp', reason: '  ' }, ['/reason']],
    ['of another action', { destination: 'smtp', action: 'send_later' }, ['/action']],
    ['about no id', { job_id: 'x' }, ['/job_id']],
    ['with more than it knows', { destination: 'smtp', force: true }, ['/force']],
  ])('ING-10.a refuses one %s with a pointer', async (_title, of, pointers) => {
    const { status, body } = await stage.call<ProblemDetails>('operator', PATH, send_now(of));
    expect({ status, pointers: [...new Set(body.errors?.map((error) => error.pointer))] }).toEqual({
      ...{ status: 400, pointers },
    });
  });

  it('keeps no secret that a reason holds', async () => {
    const reason = 'rotated, token=abc123def456ghi789';
    const { body } = await stage.call<ActionView>('operator', PATH, send_now({ destination: 'smtp', reason }));
    expect(body.reason).not.toContain('abc123');
    expect(JSON.stringify(await requestOf(body.action_id))).not.toContain('abc123');
  });
});

describe('who may act and see', () => {
  it('SEC-6.f, GEN-8.b lets operators alone act, and shows an act to keys that take in its sources', async () => {
    const body = send_now({ destination: 'smtp' });
    for (const caller of ['auditor', 'submitter'] as const) {
      expect(await stage.call(caller, PATH, body)).toMatchObject({ status: 403 });
    }
    const ours = (await stage.call<ActionView>('operator', PATH, body)).body.action_id;
    const everybodys = (await stage.call<ActionView>('every_source', PATH, body)).body.action_id;
    expect(await stage.call('auditor', `${PATH}/${ours}`)).toMatchObject({ status: 200 });
    for (const [caller, id] of [
      ['other_operator', ours],
      ['auditor', everybodys],
      ['auditor', 'nonsense'],
    ] as const) {
      expect(await stage.call(caller, `${PATH}/${id}`)).toMatchObject({ status: 404 });
    }
    const list = async (caller: 'auditor' | 'every_source', query = '') =>
      (await stage.call<Page<ActionView>>(caller, `${PATH}${query}`)).body;
    const of_auditor = (await list('auditor')).items.map(({ action_id }) => action_id);
    expect(of_auditor[0]).toBe(ours);
    expect(of_auditor).not.toContain(everybodys);
    const page = await list('every_source', '?limit=1');
    expect(page.items.map(({ action_id }) => action_id)).toEqual([everybodys]);
    const next = await list('every_source', `?limit=1&cursor=${page.next_cursor}`);
    expect(next.items.map(({ action_id }) => action_id)).toEqual([ours]);
  });
});
