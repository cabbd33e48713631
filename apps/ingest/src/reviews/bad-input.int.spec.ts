import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { eventually } from '@assay/testing';
import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { aSubmission, ingestFixture } from '../ingest.fixture.js';
import type { IngestFixture, Replica } from '../ingest.fixture.js';
import type { JobView } from './job.js';

let fixture: IngestFixture;
let replica: Replica;

beforeAll(async () => {
  fixture = await ingestFixture();
  replica = await fixture.start();
}, 60_000);
afterAll(() => fixture.close());

interface ProblemBody {
  code: string;
  status: number;
  title: string;
  type: string;
  correlation_id: string;
  detail?: string;
  errors?: { pointer: string; code: string; detail: string }[];
}

interface Answer {
  status: number;
  text: string;
  headers: Record<string, string>;
}

/** Bytes as they are: supertest would write a Buffer as JSON. */
async function postBytes(body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${replica.url}/v1/reviews`, {
    method: 'POST',
    headers: { authorization: `Bearer ${fixture.keys.acme}`, 'content-type': 'application/json', ...headers },
    body: new Uint8Array(body),
  });
  return { status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers) };
}

function expectProblem(answer: Answer, status: number, code: string): ProblemBody {
  const problem = JSON.parse(answer.text) as ProblemBody;
  expect({ status: answer.status, code: problem.code }).toEqual({ status, code });
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json\b/);
  expect(problem).toMatchObject({ status, correlation_id: answer.headers['x-correlation-id'] });
  expect(problem.title).not.toBe('');
  expect(answer.text).not.toMatch(/node_modules|\.ts:|at Object/);
  return problem;
}

/** How many rows each table of ingest has. */
async function rowsOfTables(): Promise<Record<string, number>> {
  const tables = await fixture.database.sql<{ name: string; rows: number }>(
    `SELECT relname AS name, (xpath('/row/n/text()',
         query_to_xml(format('SELECT count(*) AS n FROM %I', relname), false, true, '')))[1]::text::int AS rows
       FROM pg_class WHERE relnamespace = 'ingest'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`,
  );
  return Object.fromEntries(tables.map(({ name, rows }) => [name, rows]));
}

const storedJobs = async () => Number((await fixture.database.sql('SELECT count(*) AS n FROM jobs'))[0]!['n']);

describe('bad input', () => {
  it('ING-10.a is answered with a pointer for each bad field, and nothing is stored', async () => {
    const before = await storedJobs();
    const answer = await replica.post(
      aSubmission({ review_version: 0, recipients: [{ channel: 'email', address: 'nobody' }], secret: 'hunter2' }),
    );
    const { errors } = expectProblem(answer, 400, 'invalid_request');
    expect(errors!.map(({ pointer }) => pointer).toSorted()).toEqual([
      '/recipients/0/address',
      '/review_version',
      '/secret',
    ]);
    expect(answer.text).not.toContain('hunter2');
    expect(await storedJobs()).toBe(before);
  });

  it('ING-10.i names the recipient that was refused, and says that nobody was told', async () => {
    const before = await storedJobs();
    const recipients = ['dana@example.com', 'kim@build-host.(none)', 'lee@example.com'];
    const answer = await replica.post(
      aSubmission({ recipients: recipients.map((address) => ({ channel: 'email', address })) }),
    );
    const { detail, errors } = expectProblem(answer, 400, 'invalid_request');
    expect(errors).toEqual([
      {
        pointer: '/recipients/1/address',
        code: 'invalid_value',
        detail: '"kim@build-host.(none)" is not a mail address',
      },
    ]);
    expect(detail).toBe('Nothing was stored and nobody was told, the other recipients of the list neither.');
    expect(await storedJobs()).toBe(before);
    const other = await replica.post(aSubmission({ review_version: 0 }));
    expect(expectProblem(other, 400, 'invalid_request').detail).toBeUndefined();
  });

  it.each([
    ['webhook', 'https://hooks.example.com/T0/p4ssw0rd'],
    ['email', 'https://ci:p4ssw0rd@example.com'],
    ['email', 'p4ssw0rd'],
  ])('ING-10.i, ING-10.a does not show what stood in place of a name (%s %s)', async (channel, address) => {
    const answer = await replica.post(aSubmission({ recipients: [{ channel, address }] }));
    const { errors } = expectProblem(answer, 400, 'invalid_request');
    expect(errors).toMatchObject([{ pointer: '/recipients/0/address', code: 'invalid_value' }]);
    expect(answer.text).not.toContain('p4ssw0rd');
  });

  it.each([
    ['{"a":', 'malformed_json'],
    ['', 'malformed_json'],
    ['nonsense', 'malformed_json'],
    ['[]', 'invalid_request'],
    ['null', 'invalid_request'],
    ['"text"', 'invalid_request'],
  ])('ING-10.b answers 400 to the body %j', async (body, code) => {
    expectProblem(await postBytes(Buffer.from(body)), 400, code);
  });

  it('ING-10.b answers 400 to a body that is not UTF-8', async () => {
    const bytes = Buffer.from(JSON.stringify(aSubmission({ review_result: 'caf\u00e9' })), 'latin1');
    expectProblem(await postBytes(bytes), 400, 'invalid_encoding');
  });

  it('ING-10.b answers 400 to an unknown field', async () => {
    const { errors } = expectProblem(await replica.post(aSubmission({ source: 'other' })), 400, 'invalid_request');
    expect(errors).toMatchObject([{ pointer: '/source', code: 'unknown_field' }]);
  });

  it('ING-10.b answers 413 to a body over 6 MiB', async () => {
    const answer = await replica.post(aSubmission({ review_result: 'x'.repeat(6 * 1024 * 1024) }));
    expectProblem(answer, 413, 'payload_too_large');
  });

  it('VAL-10.e answers 413 to a review result over 2 MiB', async () => {
    const review_result = 'x'.repeat(2 * 1024 * 1024 + 1);
    expectProblem(await replica.post(aSubmission({ review_result })), 413, 'payload_too_large');
    await replica.post(aSubmission({ review_result: review_result.slice(1) })).expect(202);
  });

  it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])(
    'ING-10.b answers 415 to the media type %s',
    async (media_type) => {
      const answer = await replica.post(aSubmission(), { headers: { 'content-type': media_type } });
      expectProblem(answer, 415, 'unsupported_media_type');
    },
  );

  it('ING-10.b takes a body that opens with a byte order mark', async () => {
    const bytes = Buffer.from(`\ufeff${JSON.stringify(aSubmission())}`);
    expect(await postBytes(bytes)).toMatchObject({ status: 202 });
  });

  it('ING-10.b does not take a compressed body for JSON', async () => {
    const bytes = gzipSync(JSON.stringify(aSubmission()));
    expectProblem(await postBytes(bytes, { 'content-encoding': 'gzip' }), 400, 'invalid_encoding');
  });

  it.each<[string, Record<string, unknown>]>([
    ['changelist_id', { changelist_id: 'a\u0000' }],
    ['changed_files', { changed_files: ['//depot/project/\u0000'] }],
    ['changed_files', { changed_files: ['//depot/project/\ud800'] }],
    ['root', { root: '//depot/\udfff' }],
    ['recipients', { recipients: [{ channel: 'email', address: 'a\u0000@example.com' }] }],
    ['recipients', { recipients: [{ channel: 'email', address: '\ud800@example.com' }] }],
  ])('ING-10.c answers 400 to U+0000 or a lone surrogate in %s', async (_field, over) => {
    expectProblem(await replica.post(aSubmission(over)), 400, 'invalid_request');
  });

  it.each<[string, unknown]>([
    ['text', '\u0000 \ud800'],
    ['an object', { schema_version: '\u0000', findings: ['\udfff'], '\u0000': 1 }],
  ])('ING-10.c takes both inside a review result that is %s', async (_kind, review_result) => {
    await replica.post(aSubmission({ review_result })).expect(202);
  });

  it('ING-10.b takes a review result nested a hundred thousand deep, and leaves it to the engine', async () => {
    const { review_result: _result, ...rest } = aSubmission();
    const deep = '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000);
    const body = `{"review_result":${deep},${JSON.stringify(rest).slice(1)}`;
    await replica.post(body).expect(202);
    await replica.post(body).expect(200);
  });

  it('ING-1.b answers 400 where header and body name different keys', async () => {
    const answer = await replica.post(aSubmission(), { headers: { 'idempotency-key': 'another' } });
    expectProblem(answer, 400, 'idempotency_key_mismatch');
  });
});

describe('credentials', () => {
  it('ING-10.d answers 401 without one or with a wrong one, and 403 to a role that may not submit', async () => {
    const post = () => request(replica.url).post('/v1/reviews').set('content-type', 'application/json');
    expectProblem(await post().send('{}'), 401, 'unauthenticated');
    expectProblem(await post().set('authorization', 'Bearer nonsense').send('{}'), 401, 'unauthenticated');
    expectProblem(await replica.post(aSubmission(), { as: 'operator' }), 403, 'forbidden');
  });

  it('ING-3.c are judged before the body', async () => {
    const post = () => request(replica.url).post('/v1/reviews').set('content-type', 'application/json');
    expectProblem(await post().send('{"not json'), 401, 'unauthenticated');
    expectProblem(await replica.post('{"not json', { as: 'auditor' }), 403, 'forbidden');
  });
});

/** So many requests a second and source, and no more at once. */
const limitedTo = (per_s: number, group: string) => ({
  ASSAY_HTTP_RATE_PER_S: String(per_s),
  ASSAY_HTTP_RATE_BURST: String(per_s),
  ASSAY_KAFKA_GROUP: group,
});

describe('the rate', () => {
  it('ING-10.e is limited for each source by itself, with Retry-After', async () => {
    const limited = await fixture.start(limitedTo(3, 'limited-a'));
    await eventually(async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => limited.post(aSubmission())));
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBeGreaterThan(0);
      expectProblem(refused[0]!, 429, 'rate_limited');
      expect(Number(refused[0]!.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    });
    await limited.post(aSubmission(), { as: 'other' }).expect(202);
  });

  it('ING-3.c is judged before the body', async () => {
    const limited = await fixture.start(limitedTo(1, 'limited-b'));
    await eventually(async () => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => limited.post('{"not json')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400, 429]));
    });
  });
});

describe('a denied path', () => {
  it('ING-7.a refuses the submission whole and lists the denied paths', async () => {
    const changed_files = ['//depot/project/a.ts', '//depot/project-secret/b.ts', '//other/c.ts', 'relative.ts'];
    const answer = await replica.post(aSubmission({ changed_files }));
    expectProblem(answer, 403, 'depot_path_not_allowed');
    expect(answer.body).toMatchObject({
      denied: 2,
      denied_paths: ['//depot/project-secret/b.ts', '//other/c.ts'],
    });
  });

  it('ING-1.g ING-7.a refuses a renamed file whose previous name is denied', async () => {
    const changed_files = [{ path: '//depot/project/a.ts', previous_path: '//depot/secret/a.ts' }];
    const answer = await replica.post(aSubmission({ changed_files }));
    expectProblem(answer, 403, 'depot_path_not_allowed');
    expect(answer.body).toMatchObject({ denied: 1, denied_paths: ['//depot/secret/a.ts'] });
  });

  it('ING-7.b GEN-6.a stores nothing but the security event', async () => {
    const before = await eventually(async () => {
      const rows = await rowsOfTables();
      expect(rows).toMatchObject({ work_items: 0 });
      return rows;
    });
    const body = aSubmission({ changed_files: ['//other/c.ts'] });
    const answer = await replica.post(body).expect(403);
    expect(await rowsOfTables()).toEqual({ ...before, security_events: before['security_events']! + 1 });
    const events = await fixture.database.sql(
      `SELECT code, source, key_id, correlation_id, detail FROM security_events
       WHERE detail->>'changelist_id' = $1`,
      [body['changelist_id']],
    );
    expect(events).toMatchObject([
      {
        code: 'depot_path_not_allowed',
        source: 'acme',
        key_id: 'acme-key',
        correlation_id: answer.headers['x-correlation-id'],
        detail: { denied: 1, denied_paths: ['//other/c.ts'] },
      },
    ]);
    const mended = { ...body, changed_files: ['//depot/project/c.ts'] };
    await replica.post(mended).expect(202);
  });

  it('GEN-6.b GEN-6.c counts in a metric and leaves one line in the log, with the correlation id', async () => {
    const lines: LogLine[] = [];
    const end = addLogSink((line) => void lines.push(line));
    const answer = await replica.post(aSubmission({ changed_files: ['//other/a.ts', '//other/b.ts'] })).expect(403);
    end();
    expect(lines.filter(({ event }) => event === 'submission_denied')).toMatchObject([
      { source: 'acme', denied: 2, correlation_id: answer.headers['x-correlation-id'] },
    ]);
    const { text } = await replica.probe('/metrics').expect(200);
    expect(text).toMatch(/^assay_submissions_total\{outcome="denied"\} [1-9]/m);
  });

  it('ING-3.c is judged after the key and before versions', async () => {
    const body = aSubmission();
    const { job_id, changelist_id } = (await replica.post(body).expect(202)).body as JobView;
    const changed_files = ['//other/c.ts'];
    expectProblem(await replica.post({ ...body, changed_files }), 409, 'idempotency_key_reused');
    expectProblem(await replica.post(aSubmission({ changelist_id, changed_files })), 403, 'depot_path_not_allowed');
    expect((await replica.post(body).expect(200)).body).toMatchObject({ job_id });
  });

  it('SEC-1.c judges a relative path under the root that came with it', async () => {
    const under = (root: string) => aSubmission({ changed_files: ['a.ts'], root });
    await replica.post(under('//depot/project')).expect(202);
    await replica.post(under('//depot/project-secret')).expect(403);
    await replica.post(aSubmission({ changed_files: ['//depot/project/../secret/a.ts'] })).expect(403);
  });
});
