import { statement } from '@assay/postgres';

/**
 * Every delivery of one version, but for those that send again, locked in id order: which of them a replay concerns is decided from all of them.
 *
 * $1 source, $2 changelist, $3 review version.
 * EXPLAIN: LockRows over Sort over an Index Scan on deliveries_identity.
 */
export const LOCK_VERSION = statement(
  'lock_version',
  `SELECT id, channel, address, job_id, generation, state, original_ids, replaced_by, notification_id, notified_at,
      payload_hash, dead_lettered, repeat, error_class, error_code, updated_at
    FROM deliveries WHERE source = $1 AND changelist_id = $2 AND review_version = $3 AND repeat = 0
    ORDER BY id FOR UPDATE`,
);
