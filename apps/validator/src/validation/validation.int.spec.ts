import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReviewSubmitted, ReviewValidated, StageDeadLettered } from '@assay/contracts';
import { addLogSink } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import type { Diagnostic } from '@assay/review-engine';
import { eventually } from '@assay/testing';
import { v7 } from 'uuid';
import { A_FINDING, aResult, aSubmission, told, validatorFixture } from '../validator.fixture.js';
import type { Replica, ValidatorFixture } from '../validator.fixture.js';

let fixture: ValidatorFixture;
let validator: Replica;

beforeAll(async () => {
  fixture = await validatorFixture();
  validator = await fixture.start();
}, 60_000);
afterAll(() => fixture.close(), 30_000);

async function validatedOf(submission: ReviewSubmitted): Promise<ReviewValidated> {
  await validator.submit(submission);
  const [record] = await told(fixture.validated, submission.job_id);
  return record!.json<ReviewValidated>();
}

interface StoredRow {
  outcome: string;
  rejection_class: string | null;
  read_as: string | null;
  schema_verdict: string | null;
  prompt_verdict: string | null;
  allow_list_submitted_under: string;
  allow_list_judged_by: string;
  event: Buffer;
}

function stored(job_id: string): Promise<StoredRow[]> {
  return fixture.database.sql<StoredRow>('SELECT * FROM validations WHERE job_id = $1', [job_id]);
}

describe('a submission', () => {
  it('is judged, stored and told of, with what was kept and counted', async () => {
    const findings = [
      A_FINDING,
      { ...A_FINDING, id: 'F2', line: '12', severity: ' low' },
      { ...A_FINDING, id: 'F3', line: -1 },
    ];
    const submission = aSubmission({ review_result: aResult({ findings }) });
    const validated = await validatedOf(submission);
    expect(validated).toMatchObject({
      job_id: submission.job_id,
      source: 'acme',
      revision: 1,
      outcome: 'accepted',
      versions: { schema_version: '1.0', read_as: '1.0', schema_verdict: 'exact', prompt_verdict: 'exact' },
      counts: { submitted: 3, kept: 2, dropped: 1, coerced: 1 },
      rejection: null,
      recipients: submission.recipients,
      accepted_at: submission.accepted_at,
    });
    expect(validated.counts.by_code).toEqual({
      numeric_string_converted: 1,
      whitespace_trimmed: 1,
      invalid_line_range: 1,
    });
    expect(validated.result?.findings).toEqual([A_FINDING, { ...A_FINDING, id: 'F2', line: 12, severity: 'low' }]);
    expect(JSON.stringify(validated)).not.toContain('changed_files');
  });

  it('ING-1.a may hold the raw output as a string', async () => {
    const validated = await validatedOf(aSubmission({ review_result: `\ufeff${JSON.stringify(aResult())}\n` }));
    expect(validated).toMatchObject({ outcome: 'accepted', result: aResult() });
  });

  it('VAL-15.d says under which reading it was judged, and what was done is counted by code', async () => {
    const raw = JSON.stringify(aResult({ findings: [{ ...A_FINDING, severity: 'HIGH', line: 0, confidence: null }] }));
    const submission = aSubmission({ review_result: `\`\`\`json\n${raw}\n\`\`\`` });
    const validated = await validatedOf(submission);
    expect(validated).toMatchObject({
      ...{ reading: 'lenient', explanation: null, truncated: false, lines_defaulted: [A_FINDING.id] },
      counts: {
        kept: 1,
        by_code: { code_fence_removed: 1, letter_case_folded: 1, line_defaulted: 1, null_removed: 1 },
      },
    });
    const { body } = await validator.get(`/v1/reviews/${submission.job_id}/findings`).expect(200);
    expect(body).toMatchObject({ reading: 'lenient', truncated: false, lines_defaulted: [A_FINDING.id] });
    expect(body.diagnostics[0]).toMatchObject({ code: 'code_fence_removed', kind: 'repair', offset: 0 });
  });

  it('VAL-17.a tells in event and dead letter where a rejected answer breaks, and why', async () => {
    const submission = aSubmission({ review_result: '{"schema_version": "1.0",\n"findings": [' });
    const validated = await validatedOf(submission);
    const explanation = { sub_reason: 'truncated', offset: 39, line: 2, column: 14, found: 'the end' };
    expect(validated).toMatchObject({ outcome: 'rejected', reading: 'lenient', explanation });
    const [record] = await told(fixture.dead, submission.job_id);
    expect(record!.json<StageDeadLettered>().sanitized_context).toMatchObject({ reading: 'lenient', explanation });
  });

  it('VAL-8.a goes on when all its findings were dropped', async () => {
    const validated = await validatedOf(aSubmission({ review_result: aResult({ findings: [{}] }) }));
    expect(validated).toMatchObject({ outcome: 'accepted', result: { findings: [] } });
    expect(validated.counts.by_code).toEqual({ missing_required_field: 1, all_findings_dropped: 1 });
  });

  it.each<[string, unknown, string]>([
    ['INVALID_JSON', '{"schema_version": "1.0",', 'invalid_json'],
    ['SCHEMA_INVALID', aResult({ findings: {} }), 'invalid_type'],
    ['INCOMPATIBLE_VERSION', aResult({ schema_version: '2.0' }), 'incompatible_version'],
    ['LIMIT_EXCEEDED', aResult({ meta: JSON.parse('{"a":'.repeat(70) + '1' + '}'.repeat(70)) }), 'limit_exceeded'],
  ])(
    'VAL-2.e DLQ-1.a becomes a dead letter of stage validate at once when it is rejected as %s',
    async (error_class, review_result, code) => {
      const submission = aSubmission({ review_result });
      const validated = await validatedOf(submission);
      expect(validated).toMatchObject({ outcome: 'rejected', result: null, rejection: { class: error_class, code } });
      const [record] = await told(fixture.dead, submission.job_id);
      const dead = record!.json<StageDeadLettered>();
      expect(dead).toMatchObject({
        stage: 'validate',
        subject_type: 'job',
        subject_id: submission.job_id,
        error_class,
        code,
      });
      // A delay before it would have taken the first revision.
      expect([validated.revision, dead.revision]).toEqual([1, 2]);
      expect(dead.sanitized_context).toMatchObject({ payload_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    },
  );

  it('ING-1.f moves a finding under a renamed file to the path that it has now', async () => {
    const changed_files = [{ path: '//depot/project/a.ts', previous_path: '//depot/project/old.ts' }];
    const review_result = JSON.stringify(aResult()).replaceAll('//depot/project/a.ts', '//depot/project/old.ts');
    expect(review_result).toContain('old.ts');
    const validated = await validatedOf(aSubmission({ changed_files, review_result }));
    expect(validated).toMatchObject({
      result: { findings: [{ file: '//depot/project/a.ts' }] },
      counts: { kept: 1, by_code: { path_normalized: 1 } },
    });
  });

  it('VAL-7.a VAL-7.b DLQ-1.d is dead-lettered at once when a changed file is denied now, and both hashes are recorded', async () => {
    const submission = aSubmission({ changed_files: ['//depot/project/a.ts', '//depot/secret/b.ts'] });
    const validated = await validatedOf(submission);
    expect(validated).toMatchObject({
      outcome: 'rejected',
      rejection: { class: 'POLICY_DENIED', code: 'path_not_allowed' },
      allow_list: { submitted_under: 'as-ingest-saw-it', judged_by: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    const [record] = await told(fixture.dead, submission.job_id);
    expect(record!.json<StageDeadLettered>()).toMatchObject({
      error_class: 'POLICY_DENIED',
      revision: 2,
      sanitized_context: { denied: 1, denied_paths: ['//depot/secret/b.ts'] },
    });
    const [row] = await stored(submission.job_id);
    expect(row).toMatchObject({
      allow_list_submitted_under: 'as-ingest-saw-it',
      allow_list_judged_by: validated.allow_list.judged_by,
    });
  });

  it('VER-8.a VER-8.b is judged by its source, and the decision is stored with the job', async () => {
    const review_result = aResult({ schema_version: '1.1', findings: [{ ...A_FINDING, column: 3 }] });
    const [own, others] = [aSubmission({ review_result }), aSubmission({ review_result }, { source: 'other' })];
    expect(await validatedOf(own)).toMatchObject({ versions: { read_as: '1.1', schema_verdict: 'exact' } });
    expect(await validatedOf(others)).toMatchObject({
      versions: { read_as: '1.0', schema_verdict: 'compatible_minor' },
      counts: { by_code: { unknown_field_ignored: 1 } },
    });
    expect(await stored(others.job_id)).toMatchObject([
      { read_as: '1.0', schema_verdict: 'compatible_minor', prompt_verdict: 'exact' },
    ]);
  });

  it('VAL-12.g passes awkward JSON whole through Kafka and Postgres', async () => {
    const finding = { ...A_FINDING, title: 'nul \u0000 lone \ud800 end', message: 'x\u2028 \udc00 \u0000!' };
    const meta = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "\\u0000"}') as object;
    const review_result = aResult({ findings: [finding, { ...finding, id: '\u0000', extra: '\u0000' }], meta });
    const submission = aSubmission({ review_result, root: '//depot/project' });
    const validated = await validatedOf(submission);
    const kept = [finding, { ...finding, id: '\u0000' }];
    expect(validated.result?.findings).toEqual(kept);
    expect(JSON.stringify(validated.result)).toContain('"__proto__":{"polluted":1}');
    const { body } = await validator.get(`/v1/reviews/${submission.job_id}/findings`).expect(200);
    expect(body.findings).toEqual(kept);
    expect(body.diagnostics).toMatchObject([{ code: 'unknown_field_ignored', finding_id: '\u0000', from: '\u0000' }]);
    const raw = aSubmission({ review_result: '\u0000{"a": "\ud800' });
    expect(await validatedOf(raw)).toMatchObject({ rejection: { code: 'invalid_json' } });
    const versions = aSubmission({ review_result: aResult({ schema_version: '1.0\u0000' }) });
    expect(await validatedOf(versions)).toMatchObject({
      versions: { schema_version: '1.0\u0000', schema_verdict: 'malformed' },
    });
  });
});

describe('a submission that comes again', () => {
  it('GEN-2.b publishes the stored result, byte for byte, and computes none', async () => {
    const submission = aSubmission({ review_result: aResult({ schema_version: '7.0' }) });
    await validatedOf(submission);
    await validator.submit({ ...submission, submission: { changed_files: [], review_result: aResult() } });
    const [first, second] = await told(fixture.validated, submission.job_id, 2);
    expect(second!.value).toEqual(first!.value);
    expect(second!.headers['ce_id']).toBe(first!.headers['ce_id']);
    const [dead, again] = await told(fixture.dead, submission.job_id, 2);
    expect(again!.value).toEqual(dead!.value);
    expect(await stored(submission.job_id)).toHaveLength(1);
  });

  it('is validated anew as a further generation', async () => {
    const submission = aSubmission();
    await validatedOf(submission);
    await validator.submit({ ...submission, generation: 1 });
    const records = await told(fixture.validated, submission.job_id, 2);
    expect(records.map((record) => record.json<ReviewValidated>().generation).sort()).toEqual([0, 1]);
    const { body } = await validator.get(`/v1/reviews/${submission.job_id}/findings`).expect(200);
    expect(body.generation).toBe(1);
    await validator.get(`/v1/reviews/${submission.job_id}/findings?generation=0`).expect(200);
  });

  it('GEN-2.a takes one of two that share a batch', async () => {
    const submission = aSubmission();
    await validator.submit(submission, submission, submission);
    await told(fixture.validated, submission.job_id);
    await eventually(async () => {
      const left = await fixture.database.sql('SELECT 1 FROM work_items WHERE subject_id = $1', [submission.job_id]);
      expect(left).toHaveLength(0);
    });
    expect(await stored(submission.job_id)).toHaveLength(1);
  });
});

describe('a submission that may have been handed over before', () => {
  it('WQ-4.g is judged from an item, whose crashes are counted; a later one in the transaction that takes it', async () => {
    const other = await validatorFixture();
    try {
      const replica = await other.start();
      const taken = async (way: string): Promise<number> => {
        const { text } = await replica.probe('/metrics').expect(200);
        return Number(
          new RegExp(`assay_submissions_received_total\\{[^}]*way="${way}"[^}]*\\} (\\d+)`).exec(text)?.[1] ?? 0,
        );
      };
      const before = { queued: await taken('queued'), judged: await taken('judged') };
      const [first, second] = [aSubmission({}, { changelist_id: 'c' }), aSubmission({}, { changelist_id: 'c' })];
      await replica.submit(first);
      await told(other.validated, first.job_id);
      await replica.submit(second);
      await told(other.validated, second.job_id);
      expect(await taken('queued')).toBe(before.queued + 1);
      expect(await taken('judged')).toBe(before.judged + 1);
    } finally {
      await other.close();
    }
  }, 60_000);
});

describe('a worker that crashed', () => {
  const left = (phase: string, submission: ReviewSubmitted, payload: Buffer | null) =>
    fixture.database.sql(
      `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, claimed_by,
        lease_token, lease_expires_at, correlation_id, payload)
       VALUES ($1, 'validate', $2, 0, 'running', $3, 5, now(), 'gone', $1, now() - interval '1 s', 'c', $4)`,
      [v7(), submission.job_id, phase, payload],
    );

  it('leaves its submission to the next, which judges it from its item', async () => {
    const submission = aSubmission();
    await left('work', submission, Buffer.from(JSON.stringify(submission)));
    const [record] = await told(fixture.validated, submission.job_id);
    expect(record!.json<ReviewValidated>()).toMatchObject({ outcome: 'accepted', revision: 1 });
  });

  it('GEN-2.b leaves its stored result to the next, which publishes that', async () => {
    const submission = aSubmission();
    const validated = await validatedOf(submission);
    await left('publish', submission, null);
    const records = await told(fixture.validated, submission.job_id, 2);
    expect(records[1]!.json()).toEqual(validated);
  });

  it('GEN-2.b makes way for a result that is stored already', async () => {
    const submission = aSubmission();
    const validated = await validatedOf(submission);
    const other = { ...submission, submission: { ...submission.submission, review_result: 'not json' } };
    await left('work', other, Buffer.from(JSON.stringify(other)));
    const records = await told(fixture.validated, submission.job_id, 2);
    expect(records[1]!.json()).toEqual(validated);
  });
});

describe('what the engine changes, leaves out or refuses', () => {
  const counted = async (name: string, code: string): Promise<number> => {
    const { text } = await validator.probe('/metrics').expect(200);
    return Number(new RegExp(`^${name}\\{[^}]*code="${code}"[^}]*\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  };
  const SERIES = [
    ['assay_coercions_total', 'whitespace_trimmed', 3],
    ['assay_finding_drops_total', 'invalid_enum_value', 1],
    ['assay_rejections_total', 'incompatible_version', 1],
  ] as const;
  const now = () => Promise.all(SERIES.map(([name, code]) => counted(name, code)));

  it('GEN-6.a, GEN-6.b, GEN-6.c leaves a diagnostic, a count and one line per job and code', async () => {
    const before = await now();
    const lines: LogLine[] = [];
    const end = addLogSink((line) => void lines.push(line));
    const trimmed = [1, 2, 3].map((n) => ({ ...A_FINDING, id: `F${n}`, title: ' Unchecked ' }));
    const findings = [...trimmed, { ...A_FINDING, id: 'F4', severity: 'disastrous' }];
    const mended = aSubmission({ review_result: aResult({ findings }) });
    const refused = aSubmission({ review_result: aResult({ schema_version: '9.0' }) });
    await Promise.all([validatedOf(mended), validatedOf(refused)]);
    const after = await eventually(async () => {
      const counts = await now();
      expect(counts.at(-1)).toBeGreaterThan(before.at(-1)!);
      return counts;
    });
    end();
    expect(after.map((count, n) => count - before[n]!)).toEqual(SERIES.map(([, , count]) => count));

    const { body } = await validator.get(`/v1/reviews/${mended.job_id}/findings`).expect(200);
    expect(body.diagnostics.map(({ kind, code, finding_id }: Diagnostic) => [kind, code, finding_id])).toEqual([
      ...['F1', 'F2', 'F3'].map((id) => ['coercion', 'whitespace_trimmed', id]),
      ['drop', 'invalid_enum_value', 'F4'],
    ]);
    const { body: rejection } = await validator.get(`/v1/reviews/${refused.job_id}/findings`).expect(200);
    expect(rejection.diagnostics).toMatchObject([{ kind: 'rejection', code: 'incompatible_version' }]);
    const logged = lines
      .filter(({ event }) => event === 'reason_code')
      .map(({ job_id, correlation_id, code, count }) => ({ job_id, correlation_id, code, count }));
    const lineOf = ({ job_id, correlation_id }: ReviewSubmitted, code: string, count: number) => ({
      job_id,
      correlation_id,
      code,
      count,
    });
    expect(logged).toHaveLength(3);
    expect(logged).toEqual(
      expect.arrayContaining([
        lineOf(mended, 'whitespace_trimmed', 3),
        lineOf(mended, 'invalid_enum_value', 1),
        lineOf(refused, 'incompatible_version', 1),
      ]),
    );
  });
});

describe('metrics', () => {
  it('VER-8.c OBS-2.e count coercions, drops and rejections by code and version, and findings kept per job', async () => {
    await validatedOf(aSubmission({ review_result: aResult({ findings: [{ ...A_FINDING, line: '4' }, 5] }) }));
    await validatedOf(aSubmission({ review_result: '!' }));
    const { text } = await validator.probe('/metrics').expect(200);
    for (const series of [
      /assay_coercions_total\{[^}]*code="numeric_string_converted"[^}]*version="1\.0"/,
      /assay_finding_drops_total\{[^}]*code="invalid_type"[^}]*version="1\.0"/,
      /assay_rejections_total\{[^}]*code="invalid_json"[^}]*version="none"/,
      /assay_review_results_total\{[^}]*version="1\.0"[^}]*outcome="accepted"/,
      /assay_findings_kept_bucket\{[^}]*version="1\.0"/,
      /assay_findings_dropped_bucket\{[^}]*version="1\.0"/,
    ]) {
      expect(text).toMatch(series);
    }
  });
});
