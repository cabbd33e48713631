import { createHash } from 'node:crypto';
import type { FieldError } from '@assay/contracts';
import { invalid } from '@assay/service';
import { v5, v7 } from 'uuid';
import type { Principal } from '@assay/security';

const NAMESPACE = '6a7b1d5e-4c0f-5f5d-9a51-0d3a2f8c71e4';

/**
 * The id of what a request makes: with an `Idempotency-Key` it is derived from key, caller and place, so that the row's
 * own primary key recognises the request when it comes again (GEN-2).
 */
export function requestedId(place: string, { key_id }: Principal, header_key: string | undefined): string {
  if (header_key === undefined) return v7();
  if (!/^[\x21-\x7e]{1,255}$/.test(header_key)) throw invalid([BAD_KEY]);
  return v5(JSON.stringify([place, key_id, header_key]), NAMESPACE);
}

const BAD_KEY: FieldError = {
  pointer: 'header:Idempotency-Key',
  code: 'invalid_value',
  detail: 'must be 1 to 255 printable ASCII characters without spaces',
};

/** Tells a request that comes again from another one under the same key. */
export function requestHash(request: object): Buffer {
  const members = Object.entries(request).filter(([, value]) => value !== undefined);
  return createHash('sha256')
    .update(JSON.stringify(members.sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest();
}
