import { Problem } from '@assay/contracts';

/** Where a page ended: the last job's time of acceptance, in microseconds, and its id. */
export interface ListCursor {
  accepted_at: string;
  id: string;
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Opaque to callers. */
export function encodeCursor({ accepted_at, id }: ListCursor): string {
  return Buffer.from(`${accepted_at} ${id}`).toString('base64url');
}

export function decodeCursor(cursor: string): ListCursor {
  const [accepted_at = '', id = ''] = Buffer.from(cursor, 'base64url').toString('latin1').split(' ');
  if (INSTANT.test(accepted_at) && !Number.isNaN(Date.parse(accepted_at)) && UUID.test(id)) return { accepted_at, id };
  const detail = 'must be the next_cursor of a page before';
  throw new Problem('invalid_request', { errors: [{ pointer: '?cursor', code: 'invalid_value', detail }] });
}
