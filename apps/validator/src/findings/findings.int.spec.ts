import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { publishedSchema, REASON_CODES } from '@assay/review-engine';
import { v7 } from 'uuid';
import { A_FINDING, aResult, aSubmission, told, validatorFixture } from '../validator.fixture.js';
import type { Replica, ValidatorFixture } from '../validator.fixture.js';

let fixture: ValidatorFixture;
let validator: Replica;

beforeAll(async () => {
  fixture = await validatorFixture({ review_policy: { sources: { other: { reading: 'strict' } } } });
  validator = await fixture.start();
}, 60_000);
afterAll(() => fixture.close(), 30_000);

describe('GET /v1/reviews/{id}/findings', () => {
  it('ING-8.e answers with the kept findings and the diagnostics', async () => {
    const submission = aSubmission({
      review_result: aResult({
        findings: [
          { ...A_FINDING, file: 'a.ts' },
          { ...A_FINDING, id: 'F2', severity: 'bad' },
        ],
      }),
      root: '//depot/project',
    });
    await validator.submit(submission);
    await told(fixture.validated, submission.job_id);
    const { body } = await validator.get(`/v1/reviews/${submission.job_id}/findings`).expect(200);
    expect(body).toMatchObject({
      job_id: submission.job_id,
      source: 'acme',
      generation: 0,
      outcome: 'accepted',
      findings: [A_FINDING],
      counts: { submitted: 2, kept: 1, dropped: 1, coerced: 1 },
    });
    expect(body.diagnostics).toEqual([
      expect.objectContaining({ code: 'path_normalized', kind: 'coercion', from: 'a.ts', to: '//depot/project/a.ts' }),
      expect.objectContaining({ code: 'invalid_enum_value', kind: 'drop', pointer: '/findings/1/severity' }),
    ]);
    await validator.get(`/v1/reviews/${submission.job_id}/findings`, 'operator').expect(200);
  });

  it('ING-8.e SEC-6.e GEN-8.b answers 404 for what is not there, not validated, or of another source', async () => {
    const submission = aSubmission();
    await validator.submit(submission);
    await told(fixture.validated, submission.job_id);
    const path = `/v1/reviews/${submission.job_id}/findings`;
    const { body } = await validator.get(path, 'other').expect(404);
    expect(body).toMatchObject({ code: 'not_found' });
    await validator.get(`/v1/reviews/${v7()}/findings`).expect(404);
    await validator.get('/v1/reviews/not-an-id/findings').expect(404);
    await validator.get(`${path}?generation=1`).expect(404);
    await validator.get(`${path}?generation=999999999`).expect(404);
    await validator.get(`${path}?generation=x`).expect(400);
    await validator.get(path, null).expect(401);
  });
});

describe('what is published for authors', () => {
  it('CON-1.b serves the contract as the file has it', async () => {
    const { body, headers } = await validator.get('/v1/schemas/review-result/1.0', null).expect(200);
    expect(body).toEqual(publishedSchema('1.0'));
    expect(headers['content-type']).toContain('application/schema+json');
    const { body: newer } = await validator.get('/v1/schemas/review-result/1.1', null).expect(200);
    expect(newer).toEqual(publishedSchema('1.1'));
    await validator.get('/v1/schemas/review-result/9.9', null).expect(404);
  });

  it('VAL-9.a serves the catalogue with every column', async () => {
    const { body } = await validator.get('/v1/reason-codes', null).expect(200);
    expect(body.codes.map(({ code }: { code: string }) => code)).toEqual(Object.keys(REASON_CODES));
    for (const entry of body.codes as object[]) {
      expect(Object.keys(entry)).toEqual(['code', 'kind', 'kinds', 'meaning', 'example', 'remedy', 'since']);
    }
  });

  it('VER-6.c answers a preflight as the source of its caller would be judged', async () => {
    const path = '/v1/compatibility?schema_version=1.1&prompt_version=2.0';
    const { body: own } = await validator.get(path).expect(200);
    expect(own.preflight).toMatchObject({
      schema_verdict: 'exact',
      prompt_verdict: 'incompatible_major',
      acceptable: false,
    });
    expect(own.schema_versions).toEqual([
      { version: '1.0', status: 'current' },
      { version: '1.1', status: 'preview', sources: ['acme'] },
    ]);
    const { body: other } = await validator.get(path, 'other').expect(200);
    expect(other.preflight).toMatchObject({ schema_verdict: 'compatible_minor', read_as: '1.0' });
    expect(other.schema_versions[1].sources).toEqual([]);
    await validator.get('/v1/compatibility?colour=red').expect(400);
  });

  it('VAL-15.e shows the reading under which its caller would be judged', async () => {
    const { body: own } = await validator.get('/v1/compatibility').expect(200);
    expect(own.reading).toMatchObject({
      reading: 'lenient',
      truncated: 'reject',
      aliases: { category: { bug: 'correctness' } },
    });
    const { body: other } = await validator.get('/v1/compatibility', 'other').expect(200);
    expect(other.reading.reading).toBe('strict');
  });
});
