const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/**
 * A caller's RFC 3339 time in UTC with milliseconds, or null where it is none that Postgres would take: the year 0, the
 * 31st of February and the week dates of ISO 8601 would each end as an internal error.
 */
export function instantFrom(text: string): string | null {
  const ms = RFC_3339.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms) || Number(text.slice(8, 10)) > daysIn(text)) return null;
  const instant = new Date(ms).toISOString();
  return /^\d{4}-/.test(instant) && !instant.startsWith('0000') ? instant : null;
}

/** Days of the text's month: V8 takes February's 30th for March's 2nd. */
function daysIn(text: string): number {
  return new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}
