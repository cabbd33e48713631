import type { DeliveryRules, FindingFilter } from '@assay/providers-file';
import type { Classification, Provider } from '../providers/provider.js';
import { filteredReview, RENDER_VERSION } from '../rendering/index.js';
import type { Payload } from '../rendering/index.js';
import type { DeliveryRow } from './delivery-row.js';
import type { HeldReview } from './held-reviews.js';

/** A compact form is never longer, however much its destination takes. */
const COMPACT_BYTES = 16 * 1024;

export interface MessageForm {
  payload: Payload;
  /** The limit that the compact form was made for; null: it is the whole one. Frozen with the payload's hash. */
  compact_bytes: number | null;
  /** What the recipient asks for; frozen, too: the file may say something else by the next attempt. */
  filter: FindingFilter | null;
  /** Findings that the filter left out. */
  withheld: number;
}

/**
 * The message in the form that the row has frozen, or will: the whole one, unless its destination takes less. Rendered once
 * for all deliveries of the review that are at work and ask for the same findings.
 */
export function messageForm(
  provider: Provider,
  { max_bytes, filter }: Pick<DeliveryRules, 'max_bytes' | 'filter'>,
  row: Pick<DeliveryRow, 'frozen' | 'compact_bytes' | 'filter'>,
  review: Pick<HeldReview, 'input' | 'rendered'>,
): MessageForm {
  const version = row.frozen?.render_version ?? RENDER_VERSION;
  const shown = filteredReview(review.input(), row.frozen === null ? filter : row.filter);
  const name = `${provider.name} ${version} ${JSON.stringify(shown.filter)}`;
  const form = (payload: Payload, compact_bytes: number | null): MessageForm => {
    return { payload, compact_bytes, filter: shown.filter, withheld: shown.withheld };
  };
  const compact = (limit: number) =>
    form(
      review.rendered(`${name} ${limit}`, () => provider.renderCompact!(shown, version, limit)),
      limit,
    );
  if (row.compact_bytes !== null && provider.renderCompact) return compact(row.compact_bytes);
  const payload = review.rendered(name, () => provider.render(shown, version));
  const free = row.frozen === null && provider.renderCompact !== undefined && max_bytes !== null;
  return free && payload.bytes > max_bytes ? compact(compactLimit(max_bytes)) : form(payload, null);
}

/**
 * After a definite refusal for size: the limit of the compact form that is sent next, under the same key. Null where there
 * is none, it was refused already, or an earlier attempt may have gone through: then the key may be known by the whole
 * form, and what goes out under one key never differs (DEL-3).
 */
export function compactNext(
  provider: Provider,
  max_bytes: number | null,
  row: Pick<DeliveryRow, 'compact_bytes' | 'doubt_age_ms'>,
  said: Classification,
): number | null {
  if (!said.too_large || provider.renderCompact === undefined || max_bytes === null) return null;
  return row.compact_bytes === null && row.doubt_age_ms === null ? compactLimit(max_bytes) : null;
}

function compactLimit(max_bytes: number): number {
  return Math.min(max_bytes, COMPACT_BYTES);
}
