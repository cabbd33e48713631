import { SqlMigration } from '@assay/postgres';

/**
 * What ingest decided of each replay that was asked for (ING-9). `item_id` is the inbox: the same request again gets the
 * stored answer. `replays_begun` is the last guard (GEN-2): one beginning for each generation of a job. No reference to
 * `jobs`: a request that names no job of ours is answered, too.
 */
export class Replays1764000000000 extends SqlMigration {
  readonly name = 'Replays1764000000000';

  readonly statements = [
    `CREATE TABLE replays (
      item_id uuid PRIMARY KEY,
      plan_id uuid NOT NULL,
      dead_letter_id uuid NOT NULL,
      job_id uuid NOT NULL,
      action text NOT NULL,
      start_stage text NOT NULL,
      actor text NOT NULL,
      decided_at timestamptz NOT NULL,
      generation integer NOT NULL,
      refusal text,
      superseded_by uuid,
      answer bytea NOT NULL,
      CONSTRAINT replays_superseded CHECK ((refusal IS NOT DISTINCT FROM 'superseded_by_job') = (superseded_by IS NOT NULL))
    )`,
    `CREATE UNIQUE INDEX replays_begun ON replays (job_id, generation) WHERE refusal IS NULL`,
  ];
}
