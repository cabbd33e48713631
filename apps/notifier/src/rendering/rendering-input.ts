import { SEVERITIES } from '@assay/contracts';
import type { Finding, FindingCounts, ReviewValidated } from '@assay/contracts';
import type { FindingFilter } from '@assay/providers-file';

/**
 * All that a message is made from. It stands frozen in the `reviews` row, so that every attempt of a delivery renders
 * the same bytes whatever is configured or deployed by then (DEL-3, DEL-12).
 */
export interface RenderingInput {
  job_id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  generation: number;
  /** When the review result was judged; the message's date. */
  occurred_at: string;
  summary: string | null;
  findings: readonly Finding[];
  counts: FindingCounts;
  /** How the review result was read (VAL-15); null where the event does not say. */
  reading: string | null;
  /** The answer was cut off: only what was whole before the cut is here (VAL-16). */
  truncated: boolean;
  /** Ids of findings without a line of their own, which are about the whole file (VAL-18). */
  lines_defaulted: readonly string[];
  /** What its recipient asks for; null: every finding (DEL-16). */
  filter: FindingFilter | null;
  /** Findings that the filter left out. */
  withheld: number;
  schema_version: string | null;
  prompt_version: string | null;
  links: ReviewLinks;
}

/** The version of the rendering that new deliveries freeze. A change of any byte is a new version beside the old. */
export const RENDER_VERSION = 1;

/** Where people look the review up; frozen with it. */
export interface ReviewLinks {
  job: string;
  findings: string;
}

/** @param review the event as it was stored */
export function renderingInput(review: ReviewValidated, links: ReviewLinks): RenderingInput {
  return {
    job_id: review.job_id,
    source: review.source,
    changelist_id: review.changelist_id,
    review_version: review.review_version,
    generation: review.generation,
    occurred_at: review.occurred_at,
    summary: review.result?.summary ?? null,
    findings: inReadingOrder(review.result?.findings ?? []),
    counts: review.counts,
    reading: review.reading ?? null,
    truncated: review.truncated ?? false,
    lines_defaulted: review.lines_defaulted ?? [],
    filter: null,
    withheld: 0,
    schema_version: review.versions.schema_version,
    prompt_version: review.versions.prompt_version,
    links,
  };
}

/** Worst first; one that this release does not know comes last. */
function rank(severity: string): number {
  const place = (SEVERITIES as readonly string[]).indexOf(severity);
  return place === -1 ? SEVERITIES.length : place;
}

/** By severity, then file, then line (DEL-12); by code units, so that no locale changes the bytes. */
export function inReadingOrder(findings: readonly Finding[]): Finding[] {
  const text = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...findings].sort(
    (a, b) => rank(a.severity) - rank(b.severity) || text(a.file, b.file) || a.line - b.line || text(a.id, b.id),
  );
}
