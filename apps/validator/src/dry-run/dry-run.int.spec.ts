import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { A_FINDING, aResult, aSubmission, told, validatorFixture } from '../validator.fixture.js';
import type { Replica, ValidatorFixture } from '../validator.fixture.js';

let fixture: ValidatorFixture;
let validator: Replica;

beforeAll(async () => {
  fixture = await validatorFixture();
  validator = await fixture.start();
}, 60_000);
afterAll(() => fixture.close(), 30_000);

const mixed = [
  A_FINDING,
  { ...A_FINDING, id: ' F2', line: '7' },
  { ...A_FINDING, id: 'F3', severity: 'password=hunter2hunter2' },
];

describe('POST /v1/validations', () => {
  it('VAL-13.a answers with the result and diagnostics that the pipeline produces', async () => {
    const submission = aSubmission({ review_result: aResult({ findings: mixed }) });
    await validator.submit(submission);
    const [record] = await told(fixture.validated, submission.job_id);
    const told_of = record!.json<Record<string, unknown>>();
    const { body: findings } = await validator.get(`/v1/reviews/${submission.job_id}/findings`).expect(200);
    const { body } = await validator.post('/v1/validations', submission.submission).expect(200);
    for (const member of ['outcome', 'versions', 'rejection', 'result', 'counts'])
      expect(body[member]).toEqual(told_of[member]);
    expect(body.diagnostics).toEqual(findings.diagnostics);
    expect(JSON.stringify(body.diagnostics)).not.toContain('hunter2');
  });

  it('VAL-13.a stores nothing and publishes nothing', async () => {
    const rows = () =>
      fixture.database.sql('SELECT (SELECT count(*) FROM validations) + (SELECT count(*) FROM intakes) AS n');
    const before = await rows();
    const { body } = await validator
      .post('/v1/validations', aSubmission({ review_result: 'no json' }).submission)
      .expect(200);
    expect(body).toMatchObject({ outcome: 'rejected', rejection: { class: 'INVALID_JSON' }, result: null });
    expect(await rows()).toEqual(before);
  });

  it('VAL-13.a judges under the allow-list and by the source of its caller', async () => {
    const denied = await validator
      .post('/v1/validations', { changed_files: ['//depot/x/a.ts'], review_result: {} })
      .expect(200);
    expect(denied.body.rejection).toEqual({ class: 'POLICY_DENIED', code: 'path_not_allowed' });
    const preview = { changed_files: ['//depot/project/a.ts'], review_result: aResult({ schema_version: '1.1' }) };
    const [own, other] = [
      await validator.post('/v1/validations', preview),
      await validator.post('/v1/validations', preview, 'other'),
    ];
    expect(own.body.versions.schema_verdict).toBe('exact');
    expect(other.body.versions.schema_verdict).toBe('compatible_minor');
  });

  it('VAL-10.g VAL-13.a rejects a review result over 2 MiB with its limit, where ingest would answer 413', async () => {
    const { body } = await validator
      .post('/v1/validations', {
        changed_files: ['//depot/project/a.ts'],
        review_result: 'x'.repeat(2 * 1024 * 1024 + 1),
      })
      .expect(200);
    expect(body).toMatchObject({
      outcome: 'rejected',
      rejection: { class: 'LIMIT_EXCEEDED', code: 'limit_exceeded' },
      result: null,
      diagnostics: [{ code: 'limit_exceeded', pointer: '', expected: 'at most 2097152 bytes in all' }],
    });
  });

  it('VAL-13.a ING-10.a names every field of a submission that has not the shape', async () => {
    const { body } = await validator.post('/v1/validations', { root: 5 }).expect(400);
    expect(body).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/changed_files' }, { pointer: '/root' }, { pointer: '/review_result' }],
    });
    await validator.post('/v1/validations', '{"a":').expect(400);
  });
});
