import { statement } from '@assay/postgres';

/**
 * Decisions, the jobs that begin a new generation, and the hops that say so, in one statement.
 *
 * What was counted of a generation that is validated again is unknown until the validator has told of it. Deliveries
 * stay as they were last told: their rows stand.
 *
 * $1 json: decisions, with place and length of the answer; $2 bytea: the answers, packed; $3 json: jobs and their hops;
 * $4 uuid[]: those jobs' ids, which the planner needs (see `store_progress`).
 * EXPLAIN at 10,000 jobs: Update over Hash Join of the recordset with a Bitmap Heap Scan by jobs_pkey.
 */
export const STORE_REPLAYS = statement(
  'store_replays',
  `WITH decided AS (
    INSERT INTO replays (item_id, plan_id, dead_letter_id, job_id, action, start_stage, actor, decided_at, generation,
        refusal, superseded_by, answer)
    SELECT d.item_id, d.plan_id, d.dead_letter_id, d.job_id, d.action, d.start_stage, d.actor, d.decided_at,
        d.generation, d.refusal, d.superseded_by, substring($2::bytea FROM d.o FOR d.l)
      FROM json_to_recordset($1::json) AS d(item_id uuid, plan_id uuid, dead_letter_id uuid, job_id uuid,
        action text, start_stage text, actor text, decided_at timestamptz, generation int, refusal text,
        superseded_by uuid, o int, l int)
  ), begun AS (
    SELECT * FROM json_to_recordset($3::json) AS b(id uuid, generation int, event_id text, occurred_at timestamptz,
      from_state text, cause text, revision int, validates_again boolean)
  ), told AS (
    INSERT INTO job_timeline (job_id, event_id, generation, revision, occurred_at, service, stage, type, from_state,
        to_state, cause)
    SELECT b.id, b.event_id, b.generation, b.revision, b.occurred_at, 'ingest', 'ingest', 'replay.accepted',
        b.from_state, 'in_progress', b.cause
      FROM begun AS b
  )
  UPDATE jobs j SET state = 'in_progress', generation = b.generation, stage = 'ingest', revision = b.revision,
      ingest_revision = b.revision, validate_revision = 0, notify_revision = 0,
      counts = CASE WHEN b.validates_again THEN NULL ELSE j.counts END,
      versions = CASE WHEN b.validates_again THEN NULL ELSE j.versions END,
      reading = CASE WHEN b.validates_again THEN NULL ELSE j.reading END,
      truncated = CASE WHEN b.validates_again THEN NULL ELSE j.truncated END,
      quiet_since = clock_timestamp(), reminded_at = NULL, reminders = 0, settled_at = NULL,
      given_up = false
    FROM begun AS b WHERE j.id = ANY($4::uuid[]) AND j.id = b.id`,
);
