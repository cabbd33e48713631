/** The value that so great a share of the values does not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('no values');
  return [...values].sort((a, b) => a - b)[rank(values.length, share)]!;
}

/**
 * The same where only the greatest values are known, and of the others only that they are smaller: null when the
 * percentile lies among those.
 * @param count of all values
 */
export function percentileOfTail(tail: readonly number[], count: number, share: number): number | null {
  const all = Math.max(count, tail.length);
  const index = rank(all, share) - (all - tail.length);
  return index < 0 ? null : ([...tail].sort((a, b) => a - b)[index] ?? null);
}

function rank(count: number, share: number): number {
  return Math.max(0, Math.ceil(count * share) - 1);
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** Something that took a while, by the host's clock. */
export interface Span {
  begun_at_ms: number;
  took_ms: number;
}

/** How much of a span these cover; where they overlap each other, once. */
export function coveredMs(spans: readonly Span[], { begun_at_ms, took_ms }: Span): number {
  const end_ms = begun_at_ms + took_ms;
  let covered_ms = 0;
  let until_ms = begun_at_ms;
  for (const span of [...spans].sort((a, b) => a.begun_at_ms - b.begun_at_ms)) {
    const from_ms = Math.max(span.begun_at_ms, until_ms);
    const to_ms = Math.min(span.begun_at_ms + span.took_ms, end_ms);
    if (to_ms <= from_ms) continue;
    covered_ms += to_ms - from_ms;
    until_ms = to_ms;
  }
  return covered_ms;
}
