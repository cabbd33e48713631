import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProblemDetails } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { v7 } from 'uuid';
import type { Page } from '../paging.js';
import type { ItemView, PlanSummary, PlanView } from './plans-view.repository.js';
import { replayStage } from './replay.fixture.js';
import type { Failed, ReplayStage } from './replay.fixture.js';

const PATH = '/v1/replay-plans';
const NO_EVIDENCE = { evidence: false };

let stage: ReplayStage;
beforeAll(async () => (stage = await replayStage()));
afterAll(() => stage.close());

const create = (body: object, headers?: Record<string, string>) =>
  stage.call<PlanView & ProblemDetails>('operator', PATH, { action: 'replay', ...body }, headers);
const ids = (...of: Failed[]) => ({ dead_letter_ids: of.map(({ letter }) => letter.id) });

describe('POST /v1/replay-plans', () => {
  it('DLQ-8.a, DLQ-8.g, GEN-1.b freezes named dead letters with action, stage and checks, and changes none of them', async () => {
    const [delivery, record] = [
      await stage.fail(),
      await stage.fail({ subject_type: 'record', error_class: 'TRANSPORT_MALFORMED' }),
    ];
    const { status, body } = await create({ ...ids(delivery, record), reason: 'mended' });
    expect({ ...body, status }).toMatchObject({
      ...{ status: 201, state: 'frozen', action: 'replay', reason: 'mended', filter: null, sources: ['acme'] },
      ...{ created_by: 'key:operator', executed_by: null, progress: { pending: 1, excluded: 1 } },
      ...{ items_per_second: 5, transitions: [{ to_state: 'frozen', cause: 'frozen', actor: 'key:operator' }] },
    });
    const [first, second] = await stage.items(body);
    expect(first).toMatchObject({
      ...{ dead_letter_id: delivery.letter.id, state: 'pending', code: null, start_stage: 'notify', action: 'replay' },
      ...{ subject_id: delivery.failure.subject_id, error_class: 'RECIPIENT_INVALID', source: 'acme' },
      transitions: [{ from_state: null, to_state: 'pending', cause: 'frozen', actor: 'key:operator' }],
    });
    for (const { occurred_at } of [...body.transitions, ...first!.transitions]) {
      expect(Math.abs(Date.now() - Date.parse(occurred_at))).toBeLessThan(60_000);
    }
    expect(first!.checks.every(({ passed }) => passed)).toBe(true);
    expect(second).toMatchObject({ state: 'excluded', code: 'subject_not_replayable' });
    expect(second!.checks[0]).toEqual({ check: 'subject', passed: false, code: 'subject_not_replayable' });
    expect((await stage.letter(delivery)).state).toBe('open');
  });

  it('SEC-4.h keeps no secret and no address of a reason', async () => {
    const reason = 'told jo@example.org, the password=tangerine-and-lime was wrong';
    const { body } = await create({ ...ids(await stage.fail()), reason });
    expect(body.reason).toMatch(/^told .* was wrong$/);
    expect(body.reason).not.toMatch(/jo@|tangerine/);
  });

  it('DLQ-8.a freezes what a filter finds, the oldest first; what arrives later is not in it', async () => {
    const fingerprint = v7().replaceAll('-', '');
    const [older, newer] = [await stage.fail({ fingerprint }), await stage.fail({ fingerprint })];
    const { body } = await create({ filter: { fingerprint } });
    await stage.fail({ fingerprint });
    expect((await stage.items(body)).map(({ dead_letter_id }) => dead_letter_id)).toEqual([
      older.letter.id,
      newer.letter.id,
    ]);
    expect(body.filter).toEqual({ fingerprint });
  });

  it('DLQ-7.b refuses dead letters without evidence, and says which', async () => {
    const [bare, backed] = [await stage.fail({}, NO_EVIDENCE), await stage.fail()];
    const { status, body } = await create(ids(backed, bare));
    expect({ status, code: body.code, errors: body.errors }).toMatchObject({
      ...{ status: 409, code: 'evidence_required' },
      errors: [{ pointer: '/dead_letter_ids/1', code: 'evidence_required' }],
    });
    const fingerprint = v7().replaceAll('-', '');
    const alone = await stage.fail({ fingerprint }, NO_EVIDENCE);
    const filtered = await create({ filter: { fingerprint } });
    expect(filtered).toMatchObject({ status: 409, body: { code: 'evidence_required', ...ids(alone) } });
    await stage.fail({ fingerprint });
    const rest = await create({ filter: { fingerprint } });
    expect(rest).toMatchObject({ status: 201, body: { progress: { pending: 1, excluded: 1 } } });
  });

  it('DLQ-7.c takes the evidence of an incident for all that it has, of the sources of the key', async () => {
    const fingerprint = v7().replaceAll('-', '');
    await stage.fail({ fingerprint }, NO_EVIDENCE);
    await stage.call('operator', `/v1/incidents/${fingerprint}/evidence`, { type: 'note', text: 'deployed' });
    await stage.fail({ fingerprint }, NO_EVIDENCE);
    await stage.fail({ fingerprint, source: 'other' }, NO_EVIDENCE);
    const { body } = await stage.call<PlanView>('every_source', PATH, { filter: { fingerprint }, action: 'replay' });
    const states = (await stage.call<Page<ItemView>>('every_source', `${PATH}/${body.id}/items`)).body.items;
    expect(states.map(({ source, state, code }) => [source, state, code])).toEqual([
      ['acme', 'pending', null],
      ['acme', 'pending', null],
      ['other', 'excluded', 'evidence_required'],
    ]);
  });

  it('DLQ-8.a takes a corrected recipient from the item, the plan, or the evidence', async () => {
    const [own, of_plan] = [await stage.fail(), await stage.fail()];
    const corrected_recipient = { channel: 'email', address: 'team@EXAMPLE.com' };
    const corrections = [{ dead_letter_id: own.letter.id, channel: 'email', address: 'dana@example.com' }];
    const { body } = await create({
      ...ids(own, of_plan),
      action: 'correct_recipient',
      corrected_recipient,
      corrections,
    });
    expect((await stage.items(body)).map((item) => item.corrected_recipient?.address)).toEqual([
      'dana@example.com',
      'team@example.com',
    ]);
    const masked = await stage.call<Page<ItemView>>('auditor', `${PATH}/${body.id}/items`);
    expect(masked.body.items[0]!.corrected_recipient).toEqual({ channel: 'email', address: 'd…@example.com' });

    const third = await stage.fail({}, NO_EVIDENCE);
    const correction = { type: 'recipient_correction', channel: 'webhook', address: 'ci-bot' };
    await stage.call('operator', `/v1/dead-letters/${third.letter.id}/evidence`, correction);
    const by_evidence = await create({ ...ids(third), action: 'correct_recipient' });
    expect((await stage.items(by_evidence.body))[0]!.corrected_recipient).toEqual({
      channel: 'webhook',
      address: 'ci-bot',
    });
    const none = await create({ ...ids(await stage.fail()), action: 'correct_recipient' });
    expect(none).toMatchObject({
      ...{ status: 409, body: { code: 'nothing_to_replay', errors: [{ code: 'corrected_recipient_missing' }] } },
    });
  });

  it('refuses more than a plan may hold', async () => {
    const fingerprint = v7().replaceAll('-', '');
    const job_id = v7();
    for (let n = 0; n < 9; n += 1) await stage.fail({ fingerprint, job_id }, NO_EVIDENCE);
    const answer = await create({ filter: { fingerprint } });
    expect(answer).toMatchObject({ status: 409, body: { code: 'plan_too_large', max_items: 8 } });
  });

  it.each<[string, object, string]>([
    ['nothing to replay', {}, '/dead_letter_ids'],
    ['ids and a filter', { dead_letter_ids: [v7()], filter: { stage: 'notify' } }, '/dead_letter_ids'],
    ['an empty filter', { filter: {} }, '/filter'],
    ['a bad filter', { filter: { state: 'a b' } }, '/filter/state'],
    ['a day that is none', { filter: { failed_after: '2026-13-45T00:00:00Z' } }, '/filter/failed_after'],
    ['a waive without a reason', { dead_letter_ids: [v7()], action: 'waive' }, '/reason'],
    ['an unknown action', { dead_letter_ids: [v7()], action: 'hope' }, '/action'],
    ['an id that is none', { dead_letter_ids: ['x'] }, '/dead_letter_ids'],
    ['a rate out of bounds', { dead_letter_ids: [v7()], items_per_second: 1_000 }, '/items_per_second'],
    [
      'a correction with another action',
      { dead_letter_ids: [v7()], corrected_recipient: { channel: 'email', address: 'a@example.com' } },
      '/corrected_recipient',
    ],
    [
      'an address that is none',
      {
        ...{ dead_letter_ids: [v7()], action: 'correct_recipient' },
        corrected_recipient: { channel: 'email', address: 'nobody' },
      },
      '/corrected_recipient/address',
    ],
  ])('ING-10.a answers %s with a pointer', async (_what, body, pointer) => {
    const answer = await create(body);
    expect({ status: answer.status, pointers: answer.body.errors?.map((error) => error.pointer) }).toEqual({
      status: 400,
      pointers: [pointer],
    });
  });

  it('GEN-2.a freezes one plan for one idempotency key', async () => {
    const failed = await stage.fail();
    const request = ids(failed);
    const key = { 'idempotency-key': 'plan-1' };
    const answers = await Promise.all(Array.from({ length: 3 }, () => create(request, key)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await create({ ...request, reason: 'other' }, key)).toMatchObject({
      ...{ status: 409, body: { code: 'idempotency_key_reused' } },
    });
  });
});

describe('the scope of plans', () => {
  it('GEN-8.b keeps dead letters and plans of other sources out of sight', async () => {
    const [ours, theirs] = [await stage.fail(), await stage.fail({ source: 'other' })];
    const unseen = await create(ids(ours, theirs));
    expect(unseen).toMatchObject({
      ...{ status: 404, body: { code: 'not_found', errors: [{ pointer: '/dead_letter_ids/1' }] } },
    });
    const both = await stage.call<PlanView>('every_source', PATH, { ...ids(ours, theirs), action: 'replay' });
    for (const path of ['', '/items']) {
      expect(await stage.call('operator', `${PATH}/${both.body.id}${path}`)).toMatchObject({ status: 404 });
    }
    expect(await stage.call('operator', `${PATH}/${both.body.id}/execute`, {})).toMatchObject({ status: 404 });
    const { body } = await stage.call<Page<PlanSummary>>('operator', PATH);
    expect(body.items.map(({ id }) => id)).not.toContain(both.body.id);
  });

  it('SEC-6.f lets operators act, and approvers and auditors read', async () => {
    const plan = await stage.plan([await stage.fail()]);
    expect(await stage.call('auditor', `${PATH}/${plan.id}`)).toMatchObject({ status: 200 });
    expect(await stage.call('auditor', PATH, { ...ids(), action: 'replay' })).toMatchObject({ status: 403 });
    for (const action of ['execute', 'pause', 'resume', 'cancel']) {
      expect(await stage.call('auditor', `${PATH}/${plan.id}/${action}`, {})).toMatchObject({ status: 403 });
    }
    expect(await stage.call('submitter', PATH)).toMatchObject({ status: 403 });
  });

  it('DLQ-5.f has first the plan that changed last, or an item of which did; pages go past those that move', async () => {
    const failed = [await stage.fail(), await stage.fail(), await stage.fail()];
    const plans: PlanView[] = [];
    for (const one of failed) plans.push(await stage.plan([one]));
    const page = async (query: string) => (await stage.call<Page<PlanSummary>>('operator', `${PATH}?${query}`)).body;
    const placesOf = ({ items }: Page<PlanSummary>) => items.map(({ id }) => plans.findIndex((plan) => plan.id === id));
    expect(placesOf(await page('limit=3'))).toEqual([2, 1, 0]);
    await stage.act(plans[1]!, 'execute');
    const [request] = await stage.requests(failed[1]!);
    await stage.act(plans[0]!, 'execute');
    await stage.requests(failed[0]!);
    expect(placesOf(await page('limit=3'))).toEqual([0, 1, 2]);
    const first = await page('limit=1');
    await stage.accept(request!);
    await eventually(async () => expect(placesOf(await page('limit=3'))).toEqual([1, 0, 2]));
    expect(placesOf(await page(`limit=1&cursor=${first.next_cursor}`))).toEqual([2]);
    for (const place of [0, 1]) await stage.deliver(failed[place]!, 1);
  });

  it('lists plans newest first, and items in their order, by cursor', async () => {
    const failed = [await stage.fail(), await stage.fail(), await stage.fail()];
    const plan = await stage.plan(failed);
    const { body } = await stage.call<Page<PlanSummary>>('operator', `${PATH}?limit=1&state=frozen`);
    expect(body.items.map(({ id }) => id)).toEqual([plan.id]);
    const older = await stage.call<Page<PlanSummary>>('operator', `${PATH}?limit=1&cursor=${body.next_cursor}`);
    expect(older.body.items[0]!.id).not.toBe(plan.id);
    const first = await stage.call<Page<ItemView>>('operator', `${PATH}/${plan.id}/items?limit=2`);
    const rest = await stage.call<Page<ItemView>>(
      'operator',
      `${PATH}/${plan.id}/items?limit=2&cursor=${first.body.next_cursor}`,
    );
    const listed = [...first.body.items, ...rest.body.items].map(({ dead_letter_id }) => dead_letter_id);
    expect(listed).toEqual(failed.map(({ letter }) => letter.id));
    expect(rest.body.next_cursor).toBeNull();
    const skipped = await stage.call<Page<ItemView>>('operator', `${PATH}/${plan.id}/items?state=skipped`);
    expect(skipped.body.items).toEqual([]);
  });
});
