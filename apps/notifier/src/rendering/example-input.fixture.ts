import type { Finding, ReviewValidated } from '@assay/contracts';

/** A finding for tests; only what differs is written. */
export function aFinding(different: Partial<Finding> = {}): Finding {
  return {
    id: 'F-1',
    severity: 'high',
    category: 'correctness',
    title: 'Off by one',
    file: 'src/loop.ts',
    line: 12,
    message: 'The last element is never read.',
    ...different,
  };
}

/** A judged review for tests, as the notifier receives it. */
export function aValidatedReview(different: Partial<ReviewValidated> = {}): ReviewValidated {
  const findings = different.result?.findings ?? [aFinding()];
  return {
    job_id: '01931d9e-0000-7000-8000-000000000001',
    source: 'ci',
    changelist_id: '1234',
    review_version: 1,
    generation: 0,
    revision: 1,
    occurred_at: '2026-11-23T10:20:30.456Z',
    correlation_id: 'correlation-1',
    outcome: 'accepted',
    versions: {
      schema_version: '1.0',
      read_as: '1.0',
      prompt_version: '2.1.0',
      schema_verdict: 'exact',
      prompt_verdict: 'exact',
    },
    counts: { submitted: findings.length, kept: findings.length, dropped: 0, coerced: 0, by_code: {} },
    rejection: null,
    result: { schema_version: '1.0', prompt_version: '2.1.0', findings },
    recipients: [{ channel: 'webhook', address: 'bot' }],
    priority: 5,
    accepted_at: '2026-11-23T10:20:29.000Z',
    allow_list: { submitted_under: 'a', judged_by: 'a' },
    ...different,
  };
}
