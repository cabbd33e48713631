import { statement } from '@assay/postgres';

/**
 * Phase `work → publish` when the effect is stored: attempts and crashes start anew (WQ-1), the payload becomes the
 * events or nothing, the lease goes on. Guarded by owner and token (GEN-3), without a lock of its own: the transaction
 * holds the rows already ({@link LOCK_OWNED}, in id order), or there is a single one.
 *
 * $1 ids, $2 tokens, $3 owner, $4 packed payloads, $5 offsets, $6 lengths (negative: none), $7 lease in ms
 */
export const ADVANCE = statement(
  'work_items.advance',
  `UPDATE work_items AS w
  SET phase = 'publish', attempts = 0, crashes = 0,
    payload = CASE WHEN u.length >= 0 THEN substring($4::bytea FROM u.start FOR u.length) END,
    lease_expires_at = clock_timestamp() + make_interval(secs => $7::float8 / 1000)
  FROM unnest($1::uuid[], $2::uuid[], $5::int[], $6::int[]) AS u(id, token, start, length)
  WHERE w.id = ANY ($1::uuid[]) AND w.id = u.id AND w.claimed_by = $3 AND w.lease_token = u.token`,
);
