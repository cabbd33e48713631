import { renderCompactMail, renderingInput, renderMail } from '../apps/notifier/src/rendering/index.js';
import type { MailPayload, RenderingInput } from '../apps/notifier/src/rendering/index.js';
import type { Finding, ReviewValidated } from '@assay/contracts';

export interface MailSample {
  name: string;
  mail: MailPayload;
}

const LINKS = {
  job: 'https://assay.example.com/v1/reviews/019ad5c0-7d1e-7c3a-9c0a-1f2e3d4c5b6a',
  findings: 'https://assay.example.com/v1/reviews/019ad5c0-7d1e-7c3a-9c0a-1f2e3d4c5b6a/findings',
};

/** Of the kinds that people get: long paths, code, several paragraphs, a word that does not end, other scripts. */
const KINDS = [
  {
    ...{ severity: 'critical', category: 'security', title: 'The signature is compared byte by byte' },
    file: 'src/gateway/signature.ts',
    message:
      'An attacker learns from the time that the answer takes how many bytes were right.\n\nEvery caller of verify() is concerned.',
    suggestion: 'return timingSafeEqual(\n  Buffer.from(expected, "hex"),\n  Buffer.from(received, "hex"),\n);',
    rule_id: 'SEC-014',
    confidence: 'high',
  },
  {
    ...{ severity: 'high', category: 'correctness', title: 'The amount is rounded twice' },
    file: 'services/payments/core/src/main/java/com/example/payments/ledger/reconciliation/RoundingReconciliationStrategyFactory.java',
    message: 'Rounded here and again in ledger.ts: 0.005 € become 0.02 €.',
    suggestion: 'Round where the amount leaves the system, and nowhere else.',
  },
  {
    ...{ severity: 'medium', category: 'performance', title: 'One query for each line of the ledger' },
    file: 'src/core/ledger.ts',
    message: `SELECT * FROM entries WHERE id = ANY('{${Array.from({ length: 30 }, (_, n) => 1_000_000 + n).join(',')}}')`,
  },
  {
    ...{ severity: 'low', category: 'test', title: 'Kein Test für Beträge unter null' },
    file: 'src/core/money.ts',
    message: 'Rückbuchungen sind negativ. Nothing covers them.',
  },
  {
    ...{ severity: 'info', category: 'style', title: 'A name that says how, and not what' },
    file: 'config/limits.yaml',
    message: 'limit_2 is the limit of refunds.',
  },
];

function findings(count: number): Finding[] {
  return Array.from({ length: count }, (_, n) => {
    const kind = KINDS[n % KINDS.length]!;
    return { ...kind, id: `F${n + 1}`, line: 12 + 7 * n };
  });
}

function inputOf(kept: Finding[], over: Partial<ReviewValidated> = {}): RenderingInput {
  const result = { schema_version: '1.0', prompt_version: '2.1.0', findings: kept };
  const versions = { schema_version: '1.0', read_as: '1.0', prompt_version: '2.1.0' };
  return renderingInput(
    {
      ...{ job_id: '019ad5c0-7d1e-7c3a-9c0a-1f2e3d4c5b6a', source: 'ci', changelist_id: '4711', review_version: 1 },
      ...{ generation: 0, revision: 1, occurred_at: '2026-11-30T10:20:30.456Z', correlation_id: 'c' },
      ...{ outcome: 'accepted', rejection: null, recipients: [], priority: 5, accepted_at: '2026-11-30T10:20:29.000Z' },
      versions: { ...versions, schema_verdict: 'exact', prompt_verdict: 'exact' },
      counts: { submitted: kept.length, kept: kept.length, dropped: 0, coerced: 0, by_code: {} },
      allow_list: { submitted_under: 'a', judged_by: 'a' },
      result,
      ...over,
    },
    LINKS,
  );
}

const SUMMARY =
  'The retries are sound. What is not: money is rounded in two places, and a signature can be guessed.\n\nStart with the critical ones.';
const withSummary = (kept: Finding[]) => ({
  schema_version: '1.0',
  prompt_version: '2.1.0',
  findings: kept,
  summary: SUMMARY,
});
const none_usable = {
  counts: {
    submitted: 12,
    kept: 0,
    dropped: 12,
    coerced: 0,
    by_code: { file_not_in_changed_files: 9, line_missing: 3 },
  },
};
const some_unusable = {
  counts: { submitted: 5, kept: 2, dropped: 3, coerced: 1, by_code: { alias_mapped: 1, file_not_in_changed_files: 3 } },
};

export const MAIL_SAMPLES: readonly MailSample[] = [
  { name: 'eighty', mail: renderMail(inputOf(findings(80), { result: withSummary(findings(80)) })) },
  { name: 'two', mail: renderMail(inputOf(findings(2), some_unusable)) },
  { name: 'none-usable', mail: renderMail(inputOf([], none_usable)) },
  { name: 'cut-off', mail: renderMail(inputOf(findings(3), { truncated: true })) },
  { name: 'compact', mail: renderCompactMail(inputOf(findings(80)), 6_000) },
];
