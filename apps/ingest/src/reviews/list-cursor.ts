import { Problem, UUID } from '@assay/contracts';
import { instantFrom } from './instant.js';

/** Where a page ended: the last job's time of acceptance, in microseconds, and its id. */
export interface ListCursor {
  accepted_at: string;
  id: string;
}

/** Opaque to callers. */
export function encodeCursor({ accepted_at, id }: ListCursor): string {
  return Buffer.from(`${accepted_at} ${id}`).toString('base64url');
}

export function decodeCursor(cursor: string): ListCursor {
  const [accepted_at = '', id = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split(' ');
  if (instantFrom(accepted_at) !== null && UUID.test(id)) return { accepted_at, id };
  throw badQuery('cursor', 'must be the next_cursor of a page before');
}

export function badQuery(name: string, detail: string): Problem {
  return new Problem('invalid_request', { errors: [{ pointer: `?${name}`, code: 'invalid_value', detail }] });
}
