/**
 * The guard of every write that depends on owning a lease (GEN-3): owner AND token in WHERE, rows locked in id order so
 * that two batches never wait for each other crosswise (WQ-3). FOR UPDATE waits and then judges the newest row.
 *
 * The table is almost empty whenever statistics are taken of it, so to the planner every way to its rows costs the same.
 * Ids in an array and no join leave it one way, by id; through a join it went over all running items, dead rows
 * included (305 instead of 20 µs a review for ingest's deletes of 100). An owned item is running (`work_items_lease`): to
 * ask for that too would open the same way.
 *
 * Uses $1 ids, $2 tokens, $3 owner.
 */
export const owned = (columns = 'w.id') => `SELECT ${columns} FROM work_items AS w
    WHERE w.id = ANY ($1::uuid[]) AND w.claimed_by = $3
      AND w.lease_token = ($2::uuid[])[array_position($1::uuid[], w.id)]
    ORDER BY w.id
    FOR UPDATE OF w`;

/** {@link owned}, for a statement that goes on to write {@link THOSE}. */
export const MINE = `mine AS MATERIALIZED (
    ${owned()}
  )`;

/** The rows `w` of {@link MINE}. */
export const THOSE = `w.id = ANY (ARRAY(SELECT id FROM mine))`;
