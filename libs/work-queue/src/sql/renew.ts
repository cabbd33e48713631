import { statement } from '@assay/postgres';
import { MINE, THOSE } from './guarded.js';

/**
 * Renews leases; an id that does not come back is lost.
 *
 * $1 ids in ascending order, $2 tokens, $3 owner, $4 lease in ms
 */
export const RENEW = statement(
  'work_items.renew',
  `WITH ${MINE}
  UPDATE work_items AS w
  SET lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
  WHERE ${THOSE}
  RETURNING w.id`,
);
