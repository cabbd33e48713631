/**
 * Where the row `w` stands in the batch, from 1, for what comes with it in another array. By halving: `$1` is in
 * ascending order. A search from the start would make a batch cost the square of its size.
 */
export const PLACE = `width_bucket(w.id, $1::uuid[])`;

/**
 * The guard of every write that depends on owning a lease (GEN-3): owner AND token in WHERE, each id with its own token:
 * another item's token of the same batch does not do.
 *
 * The table is almost empty whenever statistics are taken of it, so to the planner every way to its rows costs the same.
 * Ids in an array and no join leave it one way, by id; through a join it went over all running items, dead rows
 * included (305 instead of 20 µs a review for ingest's deletes of 100). An owned item is running (`work_items_lease`): to
 * ask for that too would open the same way.
 *
 * Uses $1 ids in ascending order, $2 tokens, $3 owner.
 */
export const HELD = `w.id = ANY ($1::uuid[]) AND w.claimed_by = $3 AND w.lease_token = ($2::uuid[])[${PLACE}]`;

/**
 * {@link HELD}, rows locked in id order so that two batches never wait for each other crosswise (WQ-3). FOR UPDATE waits
 * and then judges the newest row.
 *
 * Median of 25 to 100 in ms, PostgreSQL 18, at 1,000 and at 100,000 rows; the token's place looked up by
 * `array_position`, by an `unnest` with one LATERAL probe for each id, and as here:
 *
 *   ids      array_position   LATERAL       width_bucket
 *   1        0.06 / 0.03      0.06 / 0.04   0.06 / 0.03
 *   100      0.23 / 0.28      0.32 / 0.34   0.19 / 0.23
 *   500      1.70 / 1.88      1.26 / 1.40   0.73 / 0.89
 *   1,000    5.25 / 5.61      2.45 / 2.70   1.38 / 1.54
 */
export const owned = (columns = 'w.id') => `SELECT ${columns} FROM work_items AS w
    WHERE ${HELD}
    ORDER BY w.id
    FOR UPDATE OF w`;

/** {@link owned}, for a statement that goes on to write {@link THOSE}. */
export const MINE = `mine AS MATERIALIZED (
    ${owned()}
  )`;

/** The rows `w` of {@link MINE}: by id, and not by a join, for the same reason. */
export const THOSE = `w.id = ANY (ARRAY(SELECT id FROM mine))`;
