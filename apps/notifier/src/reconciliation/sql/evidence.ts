import { statement } from '@assay/postgres';

/**
 * Deliveries that count as sent and whose provider is to be asked for them, taken for so long: who asks may go away. Whole
 * milliseconds, as they come back.
 *
 * $1 int: at most; $2 int: milliseconds until another may take them.
 * EXPLAIN: Nested Loop over a Limit over an Index Scan on deliveries_unproven, with an Index Scan on deliveries_pkey.
 */
export const TAKE_UNPROVEN = statement(
  'take_unproven',
  `UPDATE deliveries AS d SET evidence_due_at = date_trunc('milliseconds', clock_timestamp()) + $2::int * interval '1 millisecond'
    FROM (SELECT id FROM deliveries WHERE evidence_due_at <= clock_timestamp()
      ORDER BY evidence_due_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS due
    WHERE d.id = due.id
    RETURNING d.id, d.source, d.channel, d.address, encode(d.key, 'hex') AS key, d.sent_via, d.notification_id,
      d.evidence_due_at`,
);

/** Their providers have them, or cannot be asked any more. $1 uuid[]. */
export const PROVE = statement(
  'prove_deliveries',
  `UPDATE deliveries SET evidence_due_at = NULL WHERE id = ANY ($1::uuid[])`,
);

/**
 * Those that their provider does not know, once: who took them later finds nothing. They stay `sent` (DEL-11).
 *
 * $1 uuid[]: ids; $2 timestamptz[]: as they were taken.
 * EXPLAIN: Nested Loop over a Function Scan, Index Scan on deliveries_pkey: `=` instead of `IS NOT DISTINCT FROM` goes by
 * deliveries_unproven, where a batch has few different times.
 */
export const LOSE_EVIDENCE = statement(
  'lose_evidence',
  `UPDATE deliveries AS d SET evidence_due_at = NULL, dead_lettered = true, error_class = 'OUTCOME_UNKNOWN',
      error_code = 'evidence_missing', updated_at = clock_timestamp()
    FROM unnest($1::uuid[], $2::timestamptz[]) AS u(id, evidence_due_at)
    WHERE d.id = u.id AND d.evidence_due_at IS NOT DISTINCT FROM u.evidence_due_at AND d.state = 'sent'
    RETURNING d.id, d.job_id, d.generation, d.channel, d.state, d.state AS from_state, d.notification_id, d.notified_at,
      d.payload_hash, d.original_ids, d.dead_lettered, d.repeat, d.withheld, clock_timestamp() AS found_at`,
);
