import { SqlMigration } from '@assay/postgres';

/**
 * Replay plans, their frozen items, and the histories of both (DLQ-8, GEN-1).
 *
 * - `replay_items_executing`: a dead letter is in at most one plan that executes.
 * - `replay_items_of_job`: a job has one replay at a time, across plans.
 * - `job_settled`: ingest has told that the generation which the item began is over; before that it would refuse the
 *   job's next replay.
 * - `job_generation`: the highest generation of the job that ingest has named in an answer or an end. What began it may
 *   have been given up here, and its answer lost: the next request has to name it all the same.
 * - `replay_items_waiting`: what is looked through for items without a word (DLQ-5). Its few rows are those under way.
 * - `sequence` of plans: as that of dead letters, drawn anew with each change of the plan or of one of its items.
 */
export class Replays1763990500000 extends SqlMigration {
  readonly name = 'Replays1763990500000';

  readonly statements = [
    `CREATE TABLE replay_plans (
      id uuid PRIMARY KEY,
      sequence bigint GENERATED ALWAYS AS IDENTITY,
      state text NOT NULL CHECK (state IN ('frozen', 'executing', 'paused', 'completed', 'cancelled')),
      action text NOT NULL,
      start_stage text,
      corrected_recipient json,
      reason text,
      items_per_second float8 NOT NULL CHECK (items_per_second > 0),
      filter json,
      sources text[] NOT NULL,
      created_by text NOT NULL,
      executed_by text,
      request_hash bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      started_at timestamptz,
      ended_at timestamptz,
      next_request_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      work_item_id uuid,
      changes integer NOT NULL DEFAULT 0,
      correlation_id text NOT NULL,
      traceparent text
    )`,
    `CREATE UNIQUE INDEX replay_plans_listed ON replay_plans (sequence)`,
    `CREATE INDEX replay_plans_by_state ON replay_plans (state, sequence)`,

    `CREATE TABLE replay_plan_transitions (
      plan_id uuid NOT NULL REFERENCES replay_plans (id) ON DELETE CASCADE,
      change integer NOT NULL,
      occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      from_state text,
      to_state text NOT NULL,
      cause text NOT NULL,
      actor text NOT NULL,
      correlation_id text NOT NULL,
      PRIMARY KEY (plan_id, change)
    )`,

    `CREATE TABLE replay_items (
      id uuid PRIMARY KEY,
      plan_id uuid NOT NULL REFERENCES replay_plans (id) ON DELETE CASCADE,
      position integer NOT NULL,
      dead_letter_id uuid NOT NULL REFERENCES dead_letters (id),
      job_id uuid,
      action text NOT NULL,
      start_stage text NOT NULL,
      corrected_recipient json,
      checks json NOT NULL,
      state text NOT NULL CHECK (state IN ('pending', 'excluded', 'queued', 'requested', 'accepted', 'resolved',
        'escalated', 'reopened', 'refused', 'given_up', 'skipped', 'cancelled')),
      code text,
      requested_generation integer,
      accepted_generation integer,
      job_settled boolean NOT NULL DEFAULT false,
      job_generation integer,
      requested_at timestamptz,
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      ended_at timestamptz,
      changes integer NOT NULL DEFAULT 0,
      CONSTRAINT replay_items_position UNIQUE (plan_id, position),
      CONSTRAINT replay_items_once UNIQUE (plan_id, dead_letter_id)
    )`,
    `CREATE INDEX replay_items_by_state ON replay_items (plan_id, state, position)`,
    `CREATE INDEX replay_items_by_job ON replay_items (job_id) WHERE requested_generation IS NOT NULL`,
    `CREATE UNIQUE INDEX replay_items_executing ON replay_items (dead_letter_id)
      WHERE state IN ('queued', 'requested', 'accepted')`,
    `CREATE UNIQUE INDEX replay_items_of_job ON replay_items (job_id) WHERE state IN ('requested', 'accepted')`,
    `CREATE INDEX replay_items_waiting ON replay_items (changed_at) WHERE state IN ('requested', 'accepted')`,

    `CREATE TABLE replay_item_transitions (
      item_id uuid NOT NULL REFERENCES replay_items (id) ON DELETE CASCADE,
      change integer NOT NULL,
      occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      from_state text,
      to_state text NOT NULL,
      cause text NOT NULL,
      actor text NOT NULL,
      correlation_id text NOT NULL,
      PRIMARY KEY (item_id, change)
    )`,

    `CREATE INDEX dead_letters_by_job ON dead_letters (job_id)`,
  ];
}
