import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { A_FINDING, aResult, aSubmission, told, validatorFixture } from '../validator.fixture.js';
import type { Replica, ValidatorFixture } from '../validator.fixture.js';

let fixture: ValidatorFixture;
let validator: Replica;

beforeAll(async () => {
  fixture = await validatorFixture({ review_policy: { sources: { other: { reading: 'strict' } } } });
  validator = await fixture.start();
}, 60_000);
afterAll(() => fixture.close(), 30_000);

const mixed = [
  A_FINDING,
  { ...A_FINDING, id: ' F2', line: '7' },
  { ...A_FINDING, id: 'F3', severity: 'password=hunter2hunter2' },
];

/** A submission as it is posted; the events of this fixture hold what the validator reads of one. */
const posted = (differs: Record<string, unknown> = {}) => ({
  ...{ changelist_id: 4711, review_version: 1 },
  ...aSubmission(differs).submission,
});

describe('POST /v1/validations', () => {
  it('VAL-13.a answers with the result and diagnostics that the pipeline produces', async () => {
    const submission = aSubmission({ review_result: aResult({ findings: mixed }) });
    await validator.submit(submission);
    const [record] = await told(fixture.validated, submission.job_id);
    const told_of = record!.json<Record<string, unknown>>();
    const { body: findings } = await validator.get(`/v1/reviews/${submission.job_id}/findings`).expect(200);
    const { body } = await validator
      .post('/v1/validations', posted({ review_result: aResult({ findings: mixed }) }))
      .expect(200);
    for (const member of ['outcome', 'versions', 'rejection', 'result', 'counts'])
      expect(body[member]).toEqual(told_of[member]);
    expect(body.diagnostics).toEqual(findings.diagnostics);
    expect(JSON.stringify(body.diagnostics)).not.toContain('hunter2');
  });

  it('VAL-13.a stores nothing and publishes nothing', async () => {
    const rows = () =>
      fixture.database.sql('SELECT (SELECT count(*) FROM validations) + (SELECT count(*) FROM intakes) AS n');
    const before = await rows();
    const { body } = await validator.post('/v1/validations', posted({ review_result: 'no json' })).expect(200);
    expect(body).toMatchObject({ outcome: 'rejected', rejection: { class: 'INVALID_JSON' }, result: null });
    expect(await rows()).toEqual(before);
  });

  it('VAL-13.a judges under the allow-list and by the source of its caller', async () => {
    const denied = await validator.post('/v1/validations', posted({ changed_files: ['//depot/x/a.ts'] })).expect(403);
    expect(denied.body).toMatchObject({ code: 'depot_path_not_allowed', denied_paths: ['//depot/x/a.ts'] });
    const preview = posted({ review_result: aResult({ schema_version: '1.1' }) });
    const [own, other] = [
      await validator.post('/v1/validations', preview),
      await validator.post('/v1/validations', preview, 'other'),
    ];
    expect(own.body.allow_list_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(own.body.versions.schema_verdict).toBe('exact');
    expect(other.body.versions.schema_verdict).toBe('compatible_minor');
  });

  it("VAL-13.a reads by the caller's source, or as it is asked to, and says how", async () => {
    const fenced = posted({ review_result: `\`\`\`json\n${JSON.stringify(aResult())}\n\`\`\`` });
    const asked = async (more: object, as?: 'other') =>
      (await validator.post('/v1/validations', { ...fenced, ...more }, as)).body;
    expect(await asked({})).toMatchObject({ outcome: 'accepted', reading: 'lenient' });
    expect(await asked({}, 'other')).toMatchObject({ outcome: 'rejected', reading: 'strict' });
    expect(await asked({ policy: { reading: 'strict' } })).toMatchObject({ outcome: 'rejected', reading: 'strict' });
    expect(await asked({ policy: {} }, 'other')).toMatchObject({ outcome: 'accepted', reading: 'lenient' });
    expect(await asked({ policy: { reading: 'loose' } })).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/policy/reading' }],
    });
  });

  it('VAL-10.e VAL-13.c answers 413 to a review result over 2 MiB, as ingest does', async () => {
    const review_result = 'x'.repeat(2 * 1024 * 1024 + 1);
    const { body } = await validator.post('/v1/validations', posted({ review_result })).expect(413);
    expect(body).toMatchObject({ code: 'payload_too_large', errors: [{ pointer: '/review_result' }] });
  });

  it('VAL-13.a ING-10.a names every field of a submission that has not the shape', async () => {
    const { body } = await validator.post('/v1/validations', { root: 5 }).expect(400);
    expect(body).toMatchObject({
      code: 'invalid_request',
      errors: ['changelist_id', 'review_version', 'changed_files', 'review_result', 'root'].map((name) => ({
        pointer: `/${name}`,
      })),
    });
    await validator.post('/v1/validations', '{"a":').expect(400);
  });
});
