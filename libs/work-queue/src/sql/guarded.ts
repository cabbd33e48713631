/**
 * The guard of every write that depends on owning a lease (GEN-3): owner AND token in WHERE, rows locked in id order so
 * that two batches never wait for each other crosswise (WQ-3). FOR UPDATE waits and then judges the newest row.
 *
 * Uses $1 ids, $2 tokens, $3 owner; what includes it joins on id.
 */
export const OWNED = `SELECT w.id, u.place
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS u(id, token, place)
    JOIN work_items AS w ON w.id = u.id AND w.state = 'running' AND w.claimed_by = $3 AND w.lease_token = u.token
    ORDER BY w.id
    FOR UPDATE OF w`;

/** {@link OWNED}, for a statement that goes on to write. */
export const MINE = `mine AS MATERIALIZED (
    ${OWNED}
  )`;
