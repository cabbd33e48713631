import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSystem, type TestSystem } from '@assay/testing';
import type { FindingCounts } from '@assay/contracts';
import { aSubmission, type JobBody } from './submissions.fixture.js';

const START_LIMIT_MS = 90_000;

interface Fixture {
  title: string;
  submission: { changed_files: string[]; root?: string; review_result: unknown };
  expected: { outcome: string; result: unknown; counts: FindingCounts; diagnostics: object[] };
}

const folder = join(import.meta.dirname, '..', '..', 'libs', 'review-engine', 'fixtures', 'documents');
const fixtures = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Fixture);

const directory = mkdtempSync(join(tmpdir(), 'assay-e2e-'));
const allow_list_file = join(directory, 'allow-list.json');
const review_policy_file = join(directory, 'review-policy.json');
let system: TestSystem;

beforeAll(async () => {
  writeFileSync(allow_list_file, JSON.stringify({ changed_by: 'e2e', entries: ['./...', '//depot/p/...'] }));
  // The fixtures are about what no reading changes, and hold under the strict one word for word.
  writeFileSync(review_policy_file, JSON.stringify({ reading: 'strict' }));
  const own = { ASSAY_DEPOT_ALLOW_LIST_FILE: allow_list_file };
  const validator = { ...own, ASSAY_REVIEW_POLICY_FILE: review_policy_file };
  system = await startSystem({ tuning: { ingest: own, validator } });
}, START_LIMIT_MS);
afterAll(async () => {
  await system.close();
  rmSync(directory, { recursive: true });
}, START_LIMIT_MS);

async function submitted(submission: Fixture['submission']) {
  const { root: _root, ...rest } = aSubmission({ recipients: [{ channel: 'webhook', address: 'ci-bot' }] });
  const accepted = await system.call('/v1/reviews', { body: { ...rest, ...submission } });
  expect([accepted.status, accepted.body]).toEqual([202, expect.objectContaining({ state: 'queued' })]);
  const { job_id } = accepted.body as JobBody;
  const job = (await system.call(`/v1/reviews/${job_id}?wait_s=30`)).body as JobBody;
  const [validator] = system.services.of('validator');
  const findings = (await system.call(`/v1/reviews/${job_id}/findings`, { url: validator?.url })).body;
  return { job, findings: findings as { result: unknown; diagnostics: object[] } };
}

/** What a careless step would cut, re-encode or choke on: escapes, long text, names of prototypes. */
describe('an awkward document, from its POST to its findings', () => {
  it.each(fixtures)('VAL-12.g is judged as the engine judges it: $title', async ({ submission, expected }) => {
    const { job, findings } = await submitted(submission);
    expect(job.state).toBe(expected.outcome === 'accepted' ? 'succeeded' : 'failed');
    expect(findings.result).toEqual(expected.result);
    expect(findings.diagnostics).toEqual(expected.diagnostics.map((one) => expect.objectContaining(one)));
    if (expected.outcome === 'accepted') expect(job.counts).toMatchObject(expected.counts);
  });

  it.each([
    ['text', (document: object) => JSON.stringify(document)],
    ['an object', (document: object) => document],
  ])('VAL-12.g comes through whole with a string of nearly 2 MiB, sent as %s', async (_title, sent) => {
    const text = 'é\u0000\ud800"\\'.repeat(100_000);
    const document = { schema_version: '1.0', prompt_version: '1.0.0', findings: [], meta: { text } };
    const { job, findings } = await submitted({ changed_files: ['src/a.c'], review_result: sent(document) });
    expect(job.state).toBe('succeeded');
    expect(findings.result).toEqual(document);
  });
});
