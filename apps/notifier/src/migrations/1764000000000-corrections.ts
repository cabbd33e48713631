import { SqlMigration } from '@assay/postgres';

/**
 * What an operator does to a delivery (DEL-10).
 *
 * - `original_ids`: the deliveries whose dead letters are about this row, null where that is itself alone. The row for a
 *   corrected recipient stands for the first of its chain; one that stood already when an address was corrected to its
 *   own stands for two. `replaced_by` is the link from the old row to the new.
 * - `dead_lettered`: a dead letter was ever opened about it, so that its end says so (GEN-9).
 * - `waits_since`: when it was last put to work again; until its first attempt, what waits too long behind an outage is
 *   counted from there.
 * - `born_by`: who corrected the address that made it; null where a review did.
 */
export class Corrections1764000000000 extends SqlMigration {
  readonly name = 'Corrections1764000000000';

  readonly statements = [
    `ALTER TABLE deliveries
      ADD COLUMN original_ids uuid[],
      ADD COLUMN replaced_by uuid,
      ADD COLUMN waived_for text,
      ADD COLUMN dead_lettered boolean NOT NULL DEFAULT false,
      ADD COLUMN waits_since timestamptz,
      ADD COLUMN born_by text`,
    `UPDATE deliveries SET dead_lettered = true WHERE state IN ('failed_permanent', 'unknown')`,
    // NOT VALID: no row has been in these states before, and nothing need be read under the table's lock.
    `ALTER TABLE deliveries
      ADD CONSTRAINT deliveries_replaced CHECK ((state = 'replaced') = (replaced_by IS NOT NULL)) NOT VALID,
      ADD CONSTRAINT deliveries_waived CHECK ((state = 'waived') = (waived_for IS NOT NULL)) NOT VALID`,
    `CREATE OR REPLACE VIEW delivery_transitions AS
      SELECT id AS delivery_id, created_at AS at, NULL AS from_state, born AS to_state,
          coalesce(born_by, 'notifier') AS actor,
          CASE WHEN repeat > 0 THEN 'sent_again' WHEN born_by IS NOT NULL THEN 'recipient_corrected' WHEN born = 'pending' THEN 'review_validated'
            ELSE 'newer_version_known' END AS cause,
          NULL AS error_code
        FROM deliveries
      UNION ALL
      SELECT delivery_id, intent_at, from_state, 'sending', intent_owner, 'intent_recorded', NULL
        FROM delivery_history WHERE intent_at IS NOT NULL AND from_state <> 'sending'
      UNION ALL
      SELECT delivery_id, at, CASE WHEN intent_at IS NULL THEN from_state ELSE 'sending' END, to_state, actor, cause,
          error_code
        FROM delivery_history
      UNION ALL
      SELECT id, intent_at, intent_from, 'sending', intent_owner, 'intent_recorded', NULL
        FROM deliveries WHERE intent_at IS NOT NULL AND intent_from <> 'sending'`,
  ];
}
