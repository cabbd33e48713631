import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProblemDetails } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { aFailure, deadLetterStage, failureEvent } from '../dead-letter.fixture.js';
import type { DeadLetterStage } from '../dead-letter.fixture.js';
import type { Page } from '../paging.js';
import type { LetterView } from '../triage/letters-view.repository.js';
import type { EvidenceView } from './evidence-view.js';

const TICKET = { type: 'ticket', reference: 'OPS-17' };
const NOTE = { type: 'note', text: 'the owner has set it up again' };

let stage: DeadLetterStage;
beforeAll(async () => (stage = await deadLetterStage()));
afterAll(() => stage.close());

async function aLetter(differs: Parameters<typeof aFailure>[0] = {}): Promise<LetterView> {
  const failure = aFailure(differs);
  await stage.send(failureEvent(failure));
  return eventually(async () => {
    const letter = await stage.letterOf(failure.subject_id);
    expect(letter).not.toBeNull();
    return letter!;
  });
}

const evidenceOf = async (path: string, as: 'operator' | 'auditor' | 'every_source' = 'operator') =>
  (await stage.call<Page<EvidenceView>>(as, `${path}/evidence`)).body;
const pathOf = ({ id }: LetterView) => `/v1/dead-letters/${id}`;
const stateOf = async ({ subject_id }: LetterView) => (await stage.letterOf(subject_id))!.state;

describe('evidence of a dead letter', () => {
  it('DLQ-6.e, DLQ-7.a, GEN-1.b is attached with who and when, and remedies one that is looked after', async () => {
    const letter = await aLetter();
    const { status, body } = await stage.call<EvidenceView>('operator', `${pathOf(letter)}/evidence`, TICKET);
    expect({ status, ...body }).toMatchObject({
      ...{ status: 201, dead_letter_id: letter.id, fingerprint: null, type: 'ticket', actor: 'key:operator' },
      facts: { reference: 'OPS-17' },
    });
    const [row] = await stage.database.sql<{ age_s: number }>(
      `SELECT extract(epoch FROM clock_timestamp() - attached_at)::float8 AS age_s FROM evidence WHERE id = $1`,
      [body.evidence_id],
    );
    expect(row!.age_s).toBeGreaterThanOrEqual(0);
    expect(row!.age_s).toBeLessThan(60);
    expect(await stateOf(letter)).toBe('open');

    await stage.call('operator', `${pathOf(letter)}/triage`, {});
    await stage.call('operator', `${pathOf(letter)}/evidence`, NOTE);
    const { state, transitions } = (await stage.letterOf(letter.subject_id))!;
    expect(state).toBe('remediated');
    expect(transitions.at(-1)).toMatchObject({
      ...{ from_state: 'triaged', to_state: 'remediated', cause: 'evidence_attached', note: 'note' },
      actor: 'key:operator',
    });
    expect((await evidenceOf(pathOf(letter))).items.map(({ type }) => type)).toEqual(['note', 'ticket']);
  });

  it('GEN-2.a is attached once however often the request comes, by key or by id', async () => {
    const letter = await aLetter();
    const path = `${pathOf(letter)}/evidence`;
    const keyed = (body: object) => stage.call<EvidenceView>('operator', path, body, { 'idempotency-key': 'k-1' });
    const answers = await Promise.all(Array.from({ length: 4 }, () => keyed(TICKET)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.evidence_id)).size).toBe(1);
    expect(await keyed(NOTE)).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });

    const evidence_id = '0192f0c1-2222-7000-8000-00000000000a';
    const named = { ...NOTE, evidence_id };
    expect(await stage.call('operator', path, named)).toMatchObject({ status: 201, body: { evidence_id } });
    expect(await stage.call('operator', path, named)).toMatchObject({ status: 200 });
    const elsewhere = await stage.call('operator', `${pathOf(await aLetter())}/evidence`, named);
    expect(elsewhere).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
    expect((await evidenceOf(pathOf(letter))).items).toHaveLength(2);
  });

  it('shows a corrected address to operators alone', async () => {
    const letter = await aLetter();
    const correction = { type: 'recipient_correction', channel: 'email', address: 'dana@example.com' };
    await stage.call('operator', `${pathOf(letter)}/evidence`, correction);
    const [plain] = (await evidenceOf(pathOf(letter))).items;
    const [masked] = (await evidenceOf(pathOf(letter), 'auditor')).items;
    expect([plain!.facts['address'], masked!.facts['address']]).toEqual(['dana@example.com', 'd…@example.com']);
  });

  it('GEN-8.b, SEC-6.f belongs to the sources of a key, and is attached by operators', async () => {
    const theirs = await aLetter({ source: 'other' });
    const path = `${pathOf(theirs)}/evidence`;
    expect(await stage.call('operator', path, NOTE)).toMatchObject({ status: 404 });
    expect(await stage.call('operator', path)).toMatchObject({ status: 404 });
    expect(await stage.call('operator', '/v1/dead-letters/nonsense/evidence', NOTE)).toMatchObject({ status: 404 });
    expect(await stage.call('auditor', `${pathOf(await aLetter())}/evidence`, NOTE)).toMatchObject({ status: 403 });
  });

  it('ING-10.a names the field that is missing', async () => {
    const path = `${pathOf(await aLetter())}/evidence`;
    const { status, body } = await stage.call<ProblemDetails>('operator', path, { type: 'ticket' });
    expect({ status, errors: body.errors }).toMatchObject({ status: 400, errors: [{ pointer: '/reference' }] });
    const bad_key = await stage.call<ProblemDetails>('operator', path, TICKET, { 'idempotency-key': 'a b' });
    expect(bad_key.body.errors).toMatchObject([{ pointer: 'header:Idempotency-Key' }]);
  });
});

describe('evidence of an incident', () => {
  it('DLQ-6.e, DLQ-7.a is attached to a cause that stands open, moves nothing, and is paged', async () => {
    const letter = await aLetter({ fingerprint: 'f'.repeat(32) });
    await stage.call('operator', `${pathOf(letter)}/triage`, {});
    const path = `/v1/incidents/${letter.fingerprint}`;
    for (const reference of ['A-1', 'A-2', 'A-3']) {
      const { status, body } = await stage.call('operator', `${path}/evidence`, { type: 'ticket', reference });
      expect({ status, body }).toMatchObject({ status: 201, body: { fingerprint: letter.fingerprint } });
    }
    expect(await stateOf(letter)).toBe('triaged');
    const first = (await stage.call<Page<EvidenceView>>('operator', `${path}/evidence?limit=2`)).body;
    expect(first.items.map(({ facts }) => facts['reference'])).toEqual(['A-3', 'A-2']);
    const second = await stage.call<Page<EvidenceView>>(
      'operator',
      `${path}/evidence?limit=2&cursor=${first.next_cursor}`,
    );
    expect(second.body).toMatchObject({ items: [{ facts: { reference: 'A-1' } }], next_cursor: null });
  });

  it('GEN-8.b is read by keys of the same sources, and attached where one of theirs stands', async () => {
    const fingerprint = 'e'.repeat(32);
    await aLetter({ fingerprint, source: 'acme' });
    const path = `/v1/incidents/${fingerprint}/evidence`;
    expect(await stage.call('other_operator', path, NOTE)).toMatchObject({ status: 404 });
    await aLetter({ fingerprint, source: 'other' });
    expect(await stage.call('operator', path, TICKET)).toMatchObject({ status: 201 });
    expect(await stage.call('other_operator', path, NOTE)).toMatchObject({ status: 201 });
    const { body } = await stage.call<Page<EvidenceView>>('other_operator', path);
    expect(body.items.map(({ type }) => type)).toEqual(['note']);
    expect((await evidenceOf(`/v1/incidents/${fingerprint}`, 'every_source')).items).toHaveLength(2);
  });
});
