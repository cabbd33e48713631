import { counter, histogram } from '@assay/observability';
import { REASON_CODES } from '@assay/review-engine';
import type { ReasonCode, Verdict } from '@assay/review-engine';

const responses = counter('assay_review_results_total', 'Review results by contract version and outcome');
const byKind = {
  coercion: counter('assay_coercions_total', 'Coercions by reason code and contract version'),
  repair: counter('assay_repairs_total', 'Repairs of JSON text by reason code and contract version'),
  drop: counter('assay_finding_drops_total', 'Dropped findings by reason code and contract version'),
  rejection: counter('assay_rejections_total', 'Rejected review results by reason code and contract version'),
  warning: counter('assay_validation_warnings_total', 'Warnings by reason code and contract version'),
};
/** Findings a job: most reviews have a handful, the limit is 5,000. */
const FINDINGS: readonly number[] = [0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];
const kept = histogram(
  'assay_findings_kept',
  'Valid findings of an accepted review result, by contract version',
  FINDINGS,
);
const dropped = histogram(
  'assay_findings_dropped',
  'Dropped findings of an accepted review result, by contract version',
  FINDINGS,
);

/** The contract version as a label: what was received is anybody's text, what it was read as is one of a few. */
const NO_VERSION = 'none';

/** VER-8, OBS-2: what the verdict means for the numbers. Codes and versions are closed lists. */
export function countVerdict({ outcome, versions, counts }: Verdict): void {
  const version = versions.read_as ?? NO_VERSION;
  responses.add(1, { version, outcome });
  for (const [code, count] of Object.entries(counts.by_code) as [ReasonCode, number][]) {
    byKind[kindIn(outcome, code)].add(count, { code, version });
  }
  if (outcome === 'rejected') return;
  kept.record(counts.kept, { version });
  dropped.record(counts.dropped, { version });
}

/** A rejected response has no other diagnostics than its rejection's; elsewhere a code that can drop has dropped. */
function kindIn(outcome: Verdict['outcome'], code: ReasonCode): keyof typeof byKind {
  return outcome === 'rejected' ? 'rejection' : REASON_CODES[code].kind;
}
