import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewValidated, Submission } from '@assay/contracts';
import { aSubmission, told, validatorFixture } from '../validator.fixture.js';
import type { Replica, ValidatorFixture } from '../validator.fixture.js';

interface Fixture {
  title: string;
  submission: Submission;
  expected: Pick<ReviewValidated, 'outcome' | 'counts' | 'rejection' | 'result'> & { diagnostics: object[] };
}

const folder = new URL('../../../../libs/review-engine/fixtures/documents/', import.meta.url);
const fixtures = readdirSync(folder).map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Fixture);

let fixture: ValidatorFixture;
let validator: Replica;

beforeAll(async () => {
  fixture = await validatorFixture({ entries: ['./...', '//depot/p/...'], review_policy: { reading: 'strict' } });
  validator = await fixture.start();
}, 60_000);
afterAll(() => fixture.close(), 30_000);

describe('an awkward document', () => {
  it.each(fixtures)('VAL-12.g comes through Kafka and Postgres as the engine judged it: $title', async (one) => {
    const submission = aSubmission(one.submission);
    await validator.submit(submission);
    const [record] = await told(fixture.validated, submission.job_id);
    const { outcome, counts, rejection, result, diagnostics } = one.expected;
    expect(record!.json()).toMatchObject({ outcome, counts, rejection, result });
    const { body } = await validator.get(`/v1/reviews/${submission.job_id}/findings`).expect(200);
    expect(body.result).toEqual(result);
    expect(body.diagnostics).toEqual(diagnostics.map((diagnostic) => expect.objectContaining(diagnostic)));
  });

  it('VAL-12.g comes through with nearly 2 MiB of string', async () => {
    const review_result = {
      schema_version: '1.0',
      prompt_version: '1.0',
      findings: [],
      meta: { text: 'é\u0000'.repeat(250_000) },
    };
    const submission = aSubmission({ changed_files: ['src/a.c'], review_result });
    await validator.submit(submission);
    const [record] = await told(fixture.validated, submission.job_id);
    expect(record!.json<ReviewValidated>().result).toEqual(review_result);
  });
});
