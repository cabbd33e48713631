import { statement } from '@assay/postgres';
import { ITEM_COLUMNS, withinBytes } from './columns.js';

/** Seconds, 30 years: what one priority weighs. */
const MORE_THAN_ANY_WAIT = '1e9::float8';

const WAITS = `state = 'queued' AND phase = 'publish'`;
const SOURCE = `coalesce(source, '')`;
const IS_DUE = `due_at <= (SELECT clock_timestamp())`;

/**
 * The next items of any queue whose effect is stored and whose events are not acknowledged: left over from a crash, or
 * put back while Kafka was away.
 *
 * - Sources take turns, the first of each, then the second of each: what one has gathered in an outage keeps no other
 *   waiting (ING-12). Items without a source are one among them. Priority orders one source's own items, strictly: what
 *   waits is a backlog and drains as a whole.
 * - Sources and priorities are found by steps of the index, each from the one before, so that a claim costs by the sources
 *   that wait and not by what they have waiting. Of each, twice its part of the claim is looked at, for others have less.
 * - Of payloads no more than there is room for (WQ-11).
 *
 * $1 limit, $2 owner, $3 token, $4 lease in ms, $5 bytes of payloads in all, $6 whether the first payload may be larger
 */
export const CLAIM_UNPUBLISHED = statement(
  'work_items.claim_unpublished',
  `WITH RECURSIVE head(source, priority, due_at) AS (
    (SELECT ${SOURCE}, priority, due_at FROM work_items
      WHERE ${WAITS} AND ${SOURCE} >= '' ORDER BY ${SOURCE}, priority, due_at LIMIT 1)
    UNION ALL
    SELECT next.source, next.priority, next.due_at FROM head
    CROSS JOIN LATERAL (
      SELECT ${SOURCE} AS source, priority, due_at FROM work_items
      WHERE ${WAITS} AND (${SOURCE}, priority) > (head.source, head.priority)
      ORDER BY ${SOURCE}, priority, due_at LIMIT 1
    ) AS next
  ), waiting AS MATERIALIZED (
    SELECT source, priority, max(place) OVER () AS sources
    FROM (SELECT *, dense_rank() OVER (ORDER BY source) AS place FROM head WHERE ${IS_DUE}) AS placed
  ), looked_at AS MATERIALIZED (
    SELECT waiting.source, waiting.priority, due.id, due.due_at, due.bytes FROM waiting
    CROSS JOIN LATERAL (
      SELECT id, due_at, octet_length(payload) AS bytes FROM work_items
      WHERE ${WAITS} AND ${SOURCE} = waiting.source AND priority = waiting.priority AND ${IS_DUE}
      ORDER BY due_at, id
      LIMIT least($1::int, greatest(1, 2 * $1::int / waiting.sources))
      FOR UPDATE SKIP LOCKED
    ) AS due
  ), candidate AS MATERIALIZED (
    SELECT id, bytes, due_at, round FROM (
      SELECT *, row_number() OVER (PARTITION BY source ORDER BY priority DESC, due_at, id) AS round FROM looked_at
    ) AS in_turn
    ORDER BY round, due_at, id
    LIMIT $1::int
  )
  UPDATE work_items AS w
  SET state = 'running', claimed_by = $2, lease_token = $3, expired_token = NULL,
    lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
  WHERE w.id = ANY (ARRAY(${withinBytes('round, due_at, id', '$5', '$6')}))
  RETURNING ${ITEM_COLUMNS}, extract(epoch FROM w.due_at)::float8 - w.priority * ${MORE_THAN_ANY_WAIT} AS place`,
);
