import type { Classification, Destination, Provider } from '../providers/provider.js';
import { RENDER_VERSION } from '../rendering/index.js';
import type { Payload, RenderingInput } from '../rendering/index.js';
import type { DeliveryRow } from './delivery-row.js';

/** A compact form is never longer, however much its destination takes. */
const COMPACT_BYTES = 16 * 1024;

export interface MessageForm {
  payload: Payload;
  /** The limit that the compact form was made for; null: it is the whole one. Frozen with the payload's hash. */
  compact_bytes: number | null;
}

/** The message in the form that the row has frozen, or will: the whole one, unless its destination takes less. */
export function messageForm(
  provider: Provider,
  { max_bytes = null }: Destination,
  row: Pick<DeliveryRow, 'frozen' | 'compact_bytes'>,
  review: RenderingInput,
): MessageForm {
  const version = row.frozen?.render_version ?? RENDER_VERSION;
  const compact = (compact_bytes: number): MessageForm => ({
    payload: provider.renderCompact!(review, version, compact_bytes),
    compact_bytes,
  });
  if (row.compact_bytes !== null && provider.renderCompact) return compact(row.compact_bytes);
  const payload = provider.render(review, version);
  const free = row.frozen === null && provider.renderCompact !== undefined && max_bytes !== null;
  return free && payload.bytes > max_bytes ? compact(compactLimit(max_bytes)) : { payload, compact_bytes: null };
}

/**
 * After a definite refusal for size: the limit of the compact form that is sent next, under the same key. Null where there
 * is none, it was refused already, or an earlier attempt may have gone through: then the key may be known by the whole
 * form, and what goes out under one key never differs (DEL-3).
 */
export function compactNext(
  provider: Provider,
  { max_bytes = null }: Destination,
  row: Pick<DeliveryRow, 'compact_bytes' | 'doubt_age_ms'>,
  said: Classification,
): number | null {
  if (!said.too_large || provider.renderCompact === undefined || max_bytes === null) return null;
  return row.compact_bytes === null && row.doubt_age_ms === null ? compactLimit(max_bytes) : null;
}

function compactLimit(max_bytes: number): number {
  return Math.min(max_bytes, COMPACT_BYTES);
}
