/**
 * Milliseconds that a `Retry-After` header asks for, in either of its forms: seconds, or an HTTP date, which the host's
 * clock is compared with because the receiver's answer is (RFC 9110, section 10.2.3). Undefined where it says nothing
 * that can be read; a date that has passed is 0.
 */
export function retryAfterMs(header: string | string[] | undefined, unix_ms: number): number | undefined {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  if (value === undefined || value === '') return undefined;
  if (/^\d+$/.test(value)) return Math.min(Number(value), Number.MAX_SAFE_INTEGER / 1_000) * 1_000;
  // `Date.parse` reads far more than HTTP dates, e.g. "5" or "-1": only what starts as one is given to it.
  if (!/^[A-Z][a-z]{2,8},? /.test(value)) return undefined;
  const at_ms = Date.parse(value);
  return Number.isNaN(at_ms) ? undefined : Math.max(0, at_ms - unix_ms);
}
