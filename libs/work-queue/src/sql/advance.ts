import { statement } from '@assay/postgres';
import { MINE } from './guarded.js';

/**
 * Phase `work → publish` when the effect is stored: attempts and crashes start anew (WQ-1), the payload becomes the
 * events or nothing, the lease goes on.
 *
 * $1 ids, $2 tokens, $3 owner, $4 packed payloads, $5 offsets, $6 lengths (negative: none), $7 lease in ms
 */
export const ADVANCE = statement(
  'work_items.advance',
  `WITH ${MINE}
  UPDATE work_items AS w
  SET phase = 'publish', attempts = 0, crashes = 0,
    payload = CASE WHEN b.length >= 0 THEN substring($4::bytea FROM b.start FOR b.length) END,
    lease_expires_at = clock_timestamp() + make_interval(secs => $7::float8 / 1000)
  FROM mine JOIN unnest($5::int[], $6::int[]) WITH ORDINALITY AS b(start, length, place) USING (place)
  WHERE w.id = mine.id
  RETURNING w.id`,
);
