import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ProblemDetails, StageDeadLettered } from '@assay/contracts';
import { eventually, PostgresProxy } from '@assay/testing';
import { aFailure, deadLetterStage, failureEvent } from '../dead-letter.fixture.js';
import type { DeadLetterStage } from '../dead-letter.fixture.js';
import type { IncidentView, LetterSummary, LetterView } from './letters-view.repository.js';

interface Page {
  items: LetterSummary[];
  next_cursor: string | null;
}

let stage: DeadLetterStage;
let proxy: PostgresProxy;
/** By name; those of `acme` unless said otherwise. */
const failures = {
  mailbox: aFailure({ last_failure_at: '2026-01-01T00:00:00.000Z' }),
  mailbox_again: aFailure({ last_failure_at: '2026-01-02T00:00:00.000Z' }),
  schema: aFailure({
    ...{ stage: 'validate', subject_type: 'job', error_class: 'SCHEMA_INVALID', code: 'schema_mismatch' },
    ...{ last_failure_at: '2026-01-03T00:00:00.000Z', last_stack: 'Failure: 100%_wrong at /findings/3' },
  }),
  others: aFailure({ source: 'other' }),
  unreadable: aFailure({
    ...{ source: 'unknown', job_id: null, changelist_id: null, review_version: null },
    ...{ subject_type: 'record', error_class: 'TRANSPORT_MALFORMED', code: 'malformed_json' },
  }),
} satisfies Record<string, StageDeadLettered>;
const ids = {} as Record<keyof typeof failures, string>;

beforeAll(async () => {
  stage = await deadLetterStage(async (url) => {
    proxy = await PostgresProxy.start(url);
    return proxy.url(url);
  });
  for (const [name, failure] of Object.entries(failures)) {
    await stage.send(failureEvent(failure));
    const letter = await eventually(async () => {
      const found = await stage.letterOf(failure.subject_id);
      expect(found).not.toBeNull();
      return found!;
    });
    ids[name as keyof typeof failures] = letter.id;
  }
});
afterAll(async () => {
  await stage.close();
  await proxy.close();
});

const list = async (query: string, as: 'operator' | 'every_source' | 'auditor' = 'operator') =>
  (await stage.call<Page>(as, `/v1/dead-letters${query}`)).body;
const namesOf = ({ items }: Page) =>
  items.map(({ id }) => Object.entries(ids).find(([, known]) => known === id)![0]).sort();

describe('GET /v1/dead-letters', () => {
  it.each([
    ['', ['mailbox', 'mailbox_again', 'schema']],
    ['?stage=validate', ['schema']],
    ['?stage=validate,notify', ['mailbox', 'mailbox_again', 'schema']],
    ['?class=RECIPIENT_INVALID', ['mailbox', 'mailbox_again']],
    ['?state=open', ['mailbox', 'mailbox_again', 'schema']],
    ['?state=resolved,discarded', []],
    ['?source=acme', ['mailbox', 'mailbox_again', 'schema']],
    ['?source=other', []],
    [`?fingerprint=${failures.schema.fingerprint}`, ['schema']],
    ['?failed_after=2026-01-02T00:00:00Z', ['mailbox_again', 'schema']],
    ['?failed_before=2026-01-02T00:00:00Z', ['mailbox']],
    ['?text=FINDINGS', ['schema']],
    ['?text=100%25_', ['schema']],
    ['?text=100x_', []],
    [`?text=${failures.mailbox.job_id}`, ['mailbox']],
    ['?stage=validate&class=RECIPIENT_INVALID', []],
  ])('DLQ-6.a filters %s', async (query, names) => {
    expect(namesOf(await list(query))).toEqual(names);
  });

  it('DLQ-6.b pages by cursor, newest first, each once', async () => {
    const seen: string[] = [];
    let page = await list('?limit=2', 'every_source');
    for (;;) {
      seen.push(...page.items.map(({ id }) => id));
      if (page.next_cursor === null) break;
      expect(page.items).toHaveLength(2);
      page = await list(`?limit=2&cursor=${page.next_cursor}`, 'every_source');
    }
    expect(seen).toEqual(Object.values(ids).reverse());
  });

  it.each([
    ['?limit=0', '?limit'],
    ['?limit=x', '?limit'],
    ['?cursor=nonsense', '?cursor'],
    ['?failed_after=yesterday', '?failed_after'],
    ['?failed_after=2026-13-45T00:00:00Z', '?failed_after'],
    ['?colour=red', '?colour'],
    ['?state=a%20b', '?state'],
  ])('ING-10.a answers %s with a pointer', async (query, pointer) => {
    const { status, body } = await stage.call<ProblemDetails>('operator', `/v1/dead-letters${query}`);
    expect({ status, pointers: [...new Set(body.errors?.map((error) => error.pointer))] }).toEqual({
      status: 400,
      pointers: [pointer],
    });
  });
});

describe('scope', () => {
  it('GEN-8.b shows an operator the sources of the key alone', async () => {
    expect(namesOf(await list('', 'every_source'))).toEqual(Object.keys(failures).sort());
    for (const name of ['others', 'unreadable'] as const) {
      expect(await stage.call('operator', `/v1/dead-letters/${ids[name]}`)).toMatchObject({ status: 404 });
      const triage = await stage.call('operator', `/v1/dead-letters/${ids[name]}/triage`, {});
      expect(triage).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    const { body } = await stage.call<{ items: IncidentView[] }>('other_operator', '/v1/incidents');
    expect(body.items.map(({ sources, open }) => [sources, open])).toEqual([[['other'], 1]]);
  });

  it('SEC-6.f admits no submitter and nobody without a key; an auditor reads and changes nothing', async () => {
    expect(await stage.call('submitter', '/v1/dead-letters')).toMatchObject({ status: 403 });
    expect(await stage.call(null, '/v1/incidents')).toMatchObject({ status: 401 });
    expect(namesOf(await list('', 'auditor'))).toHaveLength(3);
    for (const [action, body] of [
      ['triage', {}],
      ['discard', { reason: 'x' }],
    ] as const) {
      const answer = await stage.call('auditor', `/v1/dead-letters/${ids.schema}/${action}`, body);
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
  });
});

describe('one dead letter', () => {
  it('DLQ-6.c, DLQ-5.b is given with its facts and history', async () => {
    const { body } = await stage.call<LetterView>('operator', `/v1/dead-letters/${ids.schema}`);
    expect(body).toMatchObject({ last_stack: failures.schema.last_stack, transitions: [{ to_state: 'open' }] });
    for (const id of ['nonsense', '00000000-0000-7000-8000-000000000000']) {
      expect(await stage.call('operator', `/v1/dead-letters/${id}`)).toMatchObject({ status: 404 });
    }
  });

  it('DLQ-6.d, DLQ-5.b, GEN-1.b is triaged with assignee and note; by whom stands in its history', async () => {
    const path = `/v1/dead-letters/${ids.mailbox}/triage`;
    const { status, body } = await stage.call<LetterView>('operator', path, {
      assignee: 'kim',
      note: 'asked the team',
    });
    expect({ status, ...body }).toMatchObject({ status: 200, state: 'triaged', assignee: 'kim', closed_at: null });
    expect(body.transitions[1]).toMatchObject({
      ...{ change: 2, from_state: 'open', to_state: 'triaged', cause: 'triaged' },
      ...{ actor: 'key:operator', note: 'asked the team' },
    });
    expect(Math.abs(Date.now() - Date.parse(body.transitions[1]!.occurred_at))).toBeLessThan(60_000);
    const again = await stage.call<ProblemDetails>('operator', path, {});
    expect(again).toMatchObject({ status: 409, body: { code: 'illegal_transition', state: 'triaged' } });
  });

  it('DLQ-6.f is discarded with a reason, and not without', async () => {
    const path = `/v1/dead-letters/${ids.mailbox_again}/discard`;
    for (const body of [{}, { reason: '' }, { reason: '  ' }, { reason: 'x', more: 1 }]) {
      expect(await stage.call('operator', path, body)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
    }
    const { body } = await stage.call<LetterView>('operator', path, { reason: 'a test mailbox' });
    expect(body).toMatchObject({ state: 'discarded' });
    expect(body.closed_at).not.toBeNull();
    expect(body.transitions[1]).toMatchObject({ cause: 'discarded', note: 'a test mailbox', actor: 'key:operator' });
    expect(await stage.call('operator', path, { reason: 'again' })).toMatchObject({ status: 409 });
    expect(namesOf(await list('?state=discarded'))).toEqual(['mailbox_again']);
  });

  it('GEN-1.a moves once when two operators act at the same time', async () => {
    const path = `/v1/dead-letters/${ids.others}/discard`;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => stage.call('other_operator', path, { reason: 'twice' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
  });
});

describe('GET /v1/incidents', () => {
  it('DLQ-6.g groups what is open by fingerprint', async () => {
    const { body } = await stage.call<{ items: IncidentView[] }>('every_source', '/v1/incidents');
    const mailbox = body.items.find(({ fingerprint }) => fingerprint === failures.mailbox.fingerprint);
    expect(mailbox).toEqual({
      ...{ fingerprint: failures.mailbox.fingerprint, stage: 'notify', error_class: 'RECIPIENT_INVALID' },
      ...{ code: 'smtp_550', open: 1, by_state: { triaged: 1 }, sources: ['acme'], example_id: ids.mailbox },
      first_failure_at: failures.mailbox.first_failure_at,
      last_failure_at: failures.mailbox.last_failure_at,
    });
    expect(body.items).toHaveLength(3);
    const only = await stage.call<{ items: IncidentView[] }>(
      'every_source',
      '/v1/incidents?class=SCHEMA_INVALID&limit=1',
    );
    expect(only.body.items).toHaveLength(1);
  });
});

describe('the order of lists', () => {
  const fingerprint = '5f'.repeat(16);
  const letters: LetterView[] = [];
  const page = async (query: string) => list(`?fingerprint=${fingerprint}${query}`);
  const placesOf = ({ items }: Page) => items.map(({ id }) => letters.findIndex((letter) => letter.id === id));
  const triage = (place: number) => stage.call('operator', `/v1/dead-letters/${letters[place]!.id}/triage`, {});

  beforeAll(async () => {
    for (let n = 0; n < 7; n += 1) {
      const failure = aFailure({ fingerprint });
      await stage.send(failureEvent(failure));
      const found = await eventually(
        async () => (await stage.letterOf(failure.subject_id)) ?? Promise.reject(new Error()),
      );
      letters.push(found);
    }
  });

  it('DLQ-5.f has first what changed last: a move, a further failure, evidence', async () => {
    expect(placesOf(await page(''))).toEqual([6, 5, 4, 3, 2, 1, 0]);
    const [{ changed_at }] = (await page('')).items as [LetterSummary];
    await triage(2);
    expect(placesOf(await page(''))).toEqual([2, 6, 5, 4, 3, 1, 0]);
    const [moved] = (await page('')).items as [LetterSummary];
    expect(Date.parse(moved.changed_at)).toBeGreaterThanOrEqual(Date.parse(changed_at));
    const { subject_id, job_id } = letters[0]!;
    await stage.send(failureEvent(aFailure({ fingerprint, subject_id, job_id, revision: 7 })));
    await eventually(async () => expect(placesOf(await page(''))).toEqual([0, 2, 6, 5, 4, 3, 1]));
    await stage.call('operator', `/v1/dead-letters/${letters[4]!.id}/evidence`, { type: 'note', text: 'mended' });
    expect(placesOf(await page(''))).toEqual([4, 0, 2, 6, 5, 3, 1]);
  });

  it('DLQ-5.f pages past rows that move: none comes twice, and what stands still comes once', async () => {
    const first = await page('&limit=2');
    expect(placesOf(first)).toEqual([4, 0]);
    // One that was seen and one that was not move to the front while the reader is between two pages.
    await triage(0);
    await triage(3);
    const second = await page(`&limit=2&cursor=${first.next_cursor}`);
    await stage.call('operator', `/v1/dead-letters/${letters[2]!.id}/discard`, { reason: 'a test mailbox' });
    const third = await page(`&limit=2&cursor=${second.next_cursor}`);
    expect([...placesOf(second), ...placesOf(third)]).toEqual([2, 6, 5, 1]);
    expect(third.next_cursor).toBeNull();
    expect(placesOf(await page(''))).toEqual([2, 3, 0, 4, 6, 5, 1]);
  });
});

/** Reads from a Postgres whose answers come late, while `change` moves what is read, until three moments were seen. */
async function readWhile(change: () => Promise<unknown>, read: () => Promise<LetterView>): Promise<LetterView[]> {
  const views: LetterView[] = [];
  let under_way = true;
  const changing = (async () => {
    while (under_way) await change();
  })();
  proxy.delay(60);
  try {
    while (new Set(views.map(({ transitions }) => transitions.length)).size < 3) {
      views.push(...(await Promise.all([read(), read(), read(), read()])));
    }
  } finally {
    proxy.lift();
    under_way = false;
    await changing;
  }
  return views;
}

describe('GET /v1/dead-letters/{id}', () => {
  const MOVE = `WITH moved AS (
      UPDATE dead_letters SET changes = changes + 1, state = CASE state WHEN 'open' THEN 'triaged' ELSE 'open' END
       WHERE id = $1 RETURNING *)
    INSERT INTO transitions (dead_letter_id, change, to_state, cause, actor, generation, error_class, correlation_id)
    SELECT id, changes, state, 'spec', 'spec', generation, error_class, correlation_id FROM moved`;

  it('GEN-1.c shows a state and the history that led to it as they were at one moment, while they change', async () => {
    const failure = aFailure({ source: 'other' });
    await stage.send(failureEvent(failure));
    const { id } = await eventually(async () => {
      const letter = await stage.letterOf(failure.subject_id);
      expect(letter).not.toBeNull();
      return letter!;
    });
    const read = async () => (await stage.call<LetterView>('every_source', `/v1/dead-letters/${id}`)).body;
    const views = await readWhile(() => stage.database.sql(MOVE, [id]), read);
    expect(views.map(({ state }) => state)).toEqual(views.map(({ transitions }) => transitions.at(-1)!.to_state));
  });
});
