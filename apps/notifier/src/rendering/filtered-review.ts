import { CONFIDENCES, SEVERITIES } from '@assay/contracts';
import type { Finding } from '@assay/contracts';
import type { FindingFilter } from '@assay/providers-file';
import type { RenderingInput } from './rendering-input.js';

/** A review as one recipient is told of it: the findings that its filter lets pass, and how many it withholds (DEL-16). */
export function filteredReview(review: RenderingInput, filter: FindingFilter | null): RenderingInput {
  if (filter === null) return review;
  const findings = review.findings.filter((finding) => passes(finding, filter));
  const shown = new Set(findings.map(({ id }) => id));
  const lines_defaulted = review.lines_defaulted.filter((id) => shown.has(id));
  return { ...review, findings, lines_defaulted, filter, withheld: review.findings.length - findings.length };
}

/** Nothing that a filter lets pass, and nothing of which nobody knows whether one would (DEL-18). */
export function hasNothingToTell({ findings, counts, truncated }: RenderingInput): boolean {
  return findings.length === 0 && counts.dropped === 0 && !truncated;
}

function passes({ severity, confidence, category }: Finding, filter: FindingFilter): boolean {
  const { min_severity, min_confidence, categories } = filter;
  return (
    reaches(severity, min_severity, SEVERITIES) &&
    (confidence === undefined || reaches(confidence, min_confidence, CONFIDENCES)) &&
    (categories === null || (categories as readonly string[]).includes(category))
  );
}

/** A word that this release does not know passes: nobody can say that it is below. */
function reaches(word: string, least: string | null, worst_first: readonly string[]): boolean {
  return least === null || worst_first.indexOf(word) <= worst_first.indexOf(least);
}
