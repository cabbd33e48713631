import type { FieldError } from '@assay/contracts';

const KEY = /^[\x21-\x7e]{1,255}$/;
const WHAT_IT_MUST_BE = 'must be 1 to 255 printable ASCII characters without spaces';
/** A string of RFC 9651, as which the draft of the header has it. */
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/;

/** Header or body; where both say one, the same (ING-1). Empty where it is left out; faults go to `errors`. */
export function readKey(
  in_body: unknown,
  header: string | undefined,
  may_be_absent: boolean,
  errors: FieldError[],
): string {
  const own = readOne(in_body, '/idempotency_key', errors);
  const other = readOne(header, 'header:Idempotency-Key', errors);
  if (in_body === undefined && header === undefined && !may_be_absent) {
    const detail = 'must stand here or in the Idempotency-Key header';
    errors.push({ pointer: '/idempotency_key', code: 'required', detail });
  }
  if (own !== null && other !== null && own !== other) {
    errors.push({ pointer: '/idempotency_key', code: 'idempotency_key_mismatch', detail: 'differs from the header' });
  }
  return other ?? own ?? '';
}

function readOne(given: unknown, pointer: string, errors: FieldError[]): string | null {
  if (given === undefined) return null;
  const key = typeof given === 'string' ? bareKey(given) : '';
  if (KEY.test(key)) return key;
  errors.push({ pointer, code: 'invalid_value', detail: WHAT_IT_MUST_BE });
  return null;
}

/** `"build-881"` and `build-881` are one key (ING-3). */
function bareKey(given: string): string {
  const quoted = QUOTED.exec(given)?.[1];
  return quoted === undefined ? given : quoted.replaceAll(/\\(["\\])/g, '$1');
}
