import { statement } from '@assay/postgres';

/** $1: milliseconds. */
const QUIET = `greatest(quiet_since, reminded_at) < clock_timestamp() - $1::float8 * interval '1 millisecond'`;

/**
 * The oldest jobs that nobody has told of for long. A job whose submission or replay has not been published yet is not
 * forgotten: Kafka is away, and the item has it.
 *
 * The items are taken off as a set (EXCEPT), before the limit: an item has no index by its subject, which would cost
 * each of them an entry and live for a second; asked for job by job, a look cost jobs × items (at 100,000 of each it met the
 * time-out of 10 s), and with the limit first, those that wait for Kafka would hide the forgotten.
 *
 * $1: milliseconds; $2 text[]: queues; $3: limit.
 * EXPLAIN at 100,000 open jobs and 100,000 items: HashSetOp Except of an Index Scan on jobs_open and one Seq Scan on
 * work_items, which has no other way: 100 ms. Where no job is open: 0.05 ms.
 */
export const FIND_FORGOTTEN = statement(
  'find_forgotten',
  `SELECT id FROM jobs
    WHERE settled_at IS NULL AND accepted_at < clock_timestamp() - $1::float8 * interval '1 millisecond' AND ${QUIET}
  EXCEPT SELECT subject_id::uuid FROM work_items WHERE queue = ANY($2::text[])
  ORDER BY id LIMIT $3`,
);

/**
 * Those of them that still are, locked; those that another replica looks at are left to it.
 *
 * $1: milliseconds; $2 uuid[]: ids.
 * EXPLAIN at 100,000 open jobs: LockRows over an Index Scan of jobs_pkey.
 */
export const LOCK_FORGOTTEN = statement(
  'lock_forgotten',
  `SELECT id, source, changelist_id, review_version, correlation_id, traceparent, priority, state, generation, stage,
      revision, validate_revision, notify_revision, counts, versions, reading, truncated, deliveries, given_up,
      ingest_revision, reminders, quiet_since, clock_timestamp() AS now
    FROM jobs WHERE id = ANY($2::uuid[]) AND settled_at IS NULL AND ${QUIET}
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`,
);
