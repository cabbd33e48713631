import { PARKED_RECORDS_MIGRATION_SQL } from '@assay/messaging';
import { SqlMigration } from '@assay/postgres';
import { WORK_QUEUE_MIGRATION_SQL } from '@assay/work-queue';

/**
 * - `reviews` are the parents: one row per (job, generation), with what is counted under its lock (DEL-15) and the bytes
 *   that messages are rendered from, as they came (DEL-3).
 * - `reviews.waits_until`: what was told of deliveries that an outage keeps waiting (ING-11); no change has come since.
 * - `deliveries.intent_*` is the open intent of the attempt under way; `maybe_sent_at` is the latest earlier intent
 *   that no definite answer has closed. No foreign key to `reviews`: it would lock the parent with every insert.
 *   No index holds a column that an attempt changes, so that both of its updates stay on their page (HOT): stranded
 *   intents, and whatever is asked for by a state, are found through `reviews_open` and `reviews_failed`, whose parents
 *   are few.
 * - `deliveries.filter`: what its recipient asks for, frozen with the payload's hash; `withheld`: findings that it left out.
 * - `deliveries.evidence_due_at`: when a provider that can be asked is asked for what it has accepted; null for all others,
 *   so that their attempts change no index.
 * - `deliveries.key`: what the provider is given (DEL-1). `answer`: the last word of the receiver, redacted (DLQ-3).
 * - `deliveries.first_attempt_at`: of this generation, written with its first intent; what is given up is counted from
 *   there (DEL-8). `next_attempt_at`: of a row that is `retry_scheduled`;
 *   null where it waits for a circuit, whose time its item alone has.
 * - `cancellations`: of which nobody is to be told any more (ING-13); one may stand here before its review has come.
 * - `destination_faults`: what is or was wrong with a destination, or with a version of our credential there. One row each,
 *   whose revision its dead letter goes by; `told_at` and `reports` are of the episode that began at `failing_since`.
 * - `deliveries.repeat`: from 1 where an operator has the first row of the tuple, `repeats`, sent again (DEL-17). Its parent
 *   counts it as open, so that it is found, and never as failed: the job has ended without it.
 * - `actions`: what operators have asked of deliveries, and what was answered; null before that. A request that comes again
 *   finds its answer.
 * - `destination_refusals`: refusals of single rows since the destination's last success, three kinds of each at most: they
 *   may be its own fault, or our credential's (DEL-7).
 * - `delivery_history` holds one row per outcome, which stands for two transitions where an attempt was made (to
 *   `sending` and from it): half the rows. A worker that takes an open intent over ends the old attempt with a line of
 *   its own, so its own way to `sending` is told already. The view `delivery_transitions` lists them all (GEN-1).
 */
export class Init1763900000000 extends SqlMigration {
  readonly name = 'Init1763900000000';

  readonly statements = [
    `CREATE TABLE reviews (
      job_id uuid NOT NULL,
      generation integer NOT NULL CHECK (generation >= 0),
      source text NOT NULL,
      changelist_id text NOT NULL,
      review_version integer NOT NULL CHECK (review_version >= 1),
      priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
      open integer NOT NULL CHECK (open >= 0),
      failed integer NOT NULL DEFAULT 0 CHECK (failed >= 0),
      revision integer NOT NULL DEFAULT 0,
      waits_until timestamptz,
      correlation_id text NOT NULL,
      traceparent text,
      job_url text NOT NULL,
      findings_url text NOT NULL,
      validated bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (job_id, generation)
    ) WITH (fillfactor = 80)`,
    `ALTER TABLE reviews ALTER COLUMN validated SET STORAGE EXTERNAL`,
    `CREATE INDEX reviews_of_changelist ON reviews (source, changelist_id, review_version)`,
    `CREATE INDEX reviews_open ON reviews (created_at) WHERE open > 0`,
    `CREATE INDEX reviews_failed ON reviews (created_at) WHERE failed > 0`,

    `CREATE TABLE deliveries (
      id uuid PRIMARY KEY,
      source text NOT NULL,
      changelist_id text NOT NULL,
      review_version integer NOT NULL,
      channel text NOT NULL,
      address text NOT NULL,
      repeat integer NOT NULL DEFAULT 0 CHECK (repeat >= 0),
      repeats uuid,
      key bytea NOT NULL,
      job_id uuid NOT NULL,
      generation integer NOT NULL,
      state text NOT NULL CHECK (state IN ('pending', 'sending', 'sent', 'retry_scheduled', 'unknown',
        'failed_permanent', 'superseded', 'waived', 'replaced')),
      born text NOT NULL CHECK (born IN ('pending', 'superseded')),
      intent_at timestamptz,
      intent_owner text,
      intent_token uuid,
      intent_item_id uuid,
      intent_from text,
      sent_via text,
      maybe_sent_at timestamptz,
      frozen_job_id uuid,
      frozen_generation integer,
      render_version integer,
      payload_hash text,
      compact_bytes integer,
      filter json,
      withheld integer NOT NULL DEFAULT 0,
      evidence_due_at timestamptz,
      notification_id text,
      notified_at timestamptz,
      first_attempt_at timestamptz,
      next_attempt_at timestamptz,
      error_class text,
      error_code text,
      answer json,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      CONSTRAINT deliveries_identity UNIQUE (source, changelist_id, review_version, channel, address, repeat),
      CONSTRAINT deliveries_repeat CHECK ((repeat = 0) = (repeats IS NULL)),
      CONSTRAINT deliveries_intent CHECK (
        (state = 'sending') = (intent_at IS NOT NULL) AND (intent_at IS NULL) = (intent_token IS NULL)
        AND (intent_at IS NULL) = (intent_owner IS NULL) AND (intent_at IS NULL) = (intent_item_id IS NULL)
      ),
      CONSTRAINT deliveries_sent CHECK ((state = 'sent') = (notified_at IS NOT NULL)),
      CONSTRAINT deliveries_frozen CHECK (
        (payload_hash IS NULL) = (frozen_job_id IS NULL) AND (payload_hash IS NULL) = (frozen_generation IS NULL)
        AND (payload_hash IS NULL) = (render_version IS NULL)
      )
    ) WITH (fillfactor = 65)`,
    `CREATE INDEX deliveries_of_review ON deliveries (job_id, generation)`,
    `CREATE INDEX deliveries_to ON deliveries (address, id)`,
    `CREATE INDEX deliveries_unproven ON deliveries (evidence_due_at) WHERE evidence_due_at IS NOT NULL`,
    `CREATE INDEX deliveries_under_key ON deliveries (key)`,

    `CREATE TABLE delivery_history (
      delivery_id uuid NOT NULL,
      from_state text NOT NULL,
      intent_at timestamptz,
      intent_owner text,
      to_state text NOT NULL,
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      actor text NOT NULL,
      cause text NOT NULL,
      error_code text
    )`,
    `CREATE INDEX delivery_history_of ON delivery_history (delivery_id, at)`,
    `CREATE VIEW delivery_transitions AS
      SELECT id AS delivery_id, created_at AS at, NULL AS from_state, born AS to_state, 'notifier' AS actor,
          CASE born WHEN 'pending' THEN 'review_validated' ELSE 'newer_version_known' END AS cause, NULL AS error_code
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

    `CREATE TABLE cancellations (
      job_id uuid NOT NULL,
      generation integer NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      cancelled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (job_id, generation)
    )`,
    `CREATE TABLE actions (
      id uuid PRIMARY KEY,
      action text NOT NULL,
      subject_type text NOT NULL,
      subject_id text NOT NULL,
      actor text NOT NULL,
      reason text NOT NULL,
      outcome text CHECK (outcome IN ('done', 'refused')),
      code text,
      deliveries integer NOT NULL DEFAULT 0,
      taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      delivery_id uuid,
      answered_at timestamptz
    )`,

    `CREATE TABLE destination_faults (
      subject_id uuid PRIMARY KEY,
      subject_type text NOT NULL CHECK (subject_type IN ('credential', 'destination')),
      destination text NOT NULL,
      fingerprint text NOT NULL,
      version integer NOT NULL,
      revision integer NOT NULL,
      reports integer NOT NULL DEFAULT 1,
      failing_since timestamptz NOT NULL DEFAULT now(),
      last_failure_at timestamptz NOT NULL DEFAULT now(),
      told_at timestamptz,
      recovered_at timestamptz,
      CONSTRAINT destination_faults_identity UNIQUE (destination, subject_type, fingerprint)
    )`,
    `CREATE TABLE destination_refusals (
      destination text NOT NULL,
      suspected text NOT NULL CHECK (suspected IN ('credential', 'destination')),
      counted_by text NOT NULL,
      refused_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (destination, suspected, counted_by)
    )`,

    ...WORK_QUEUE_MIGRATION_SQL,
    ...PARKED_RECORDS_MIGRATION_SQL,
  ];
}
