import { Injectable } from '@nestjs/common';
import type { Tx } from '@assay/postgres';
import { REPLAY_QUEUE } from '../replay/index.js';
import { SUBMITTED_QUEUE } from '../reviews/index.js';
import type { JobInProgress, NewHop } from './progress.repository.js';

export interface QuietJob extends JobInProgress {
  reminders: number;
  ingest_revision: number;
  quiet_since: string;
  now: string;
}

/** A job that is given up, with the hop that says so. */
export interface GivenUp {
  id: string;
  hop: NewHop;
}

@Injectable()
export class ForgottenJobsRepository {
  /**
   * Jobs that nobody has told of for longer than `no_news_ms`, locked; those that another replica looks at are left to
   * it. A job whose submission or replay has not been published yet is not forgotten: Kafka is away, and the item has it.
   */
  quiet(tx: Tx, no_news_ms: number, limit: number): Promise<QuietJob[]> {
    return tx.query<QuietJob>(
      `SELECT id, source, changelist_id, review_version, correlation_id, traceparent, priority, state, generation, stage,
         revision, validate_revision, notify_revision, counts, versions, deliveries, given_up, ingest_revision, reminders, quiet_since,
         clock_timestamp() AS now
       FROM jobs j
       WHERE settled_at IS NULL AND accepted_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
         AND greatest(quiet_since, reminded_at) < clock_timestamp() - $1::float8 * interval '1 millisecond'
         AND NOT EXISTS (SELECT FROM work_items w WHERE w.subject_id = j.id::text AND w.queue = ANY($2))
       ORDER BY id LIMIT $3 FOR NO KEY UPDATE OF j SKIP LOCKED`,
      [no_news_ms, [SUBMITTED_QUEUE, REPLAY_QUEUE], limit],
    );
  }

  async remind(tx: Tx, ids: readonly string[]): Promise<void> {
    await tx.execute(
      `UPDATE jobs SET reminders = reminders + 1, reminded_at = clock_timestamp() WHERE id = ANY($1::uuid[])`,
      [ids],
    );
  }

  /** Ends jobs as failed; what ingest tells of them takes two revisions: the dead letter and the end. */
  async giveUp(tx: Tx, given: readonly GivenUp[]): Promise<Map<string, { settled_at: string; revision: number }>> {
    const rows = await tx.query<{ id: string; settled_at: string; revision: number }>(
      `WITH told AS (
         INSERT INTO job_timeline (job_id, event_id, generation, revision, occurred_at, service, stage, type,
           error_class, code, from_state, to_state, cause)
         SELECT h.job_id, h.event_id, h.generation, h.revision, h.occurred_at, h.service, h.stage, h.type,
           h.error_class, h.code, h.from_state, h.to_state, h.cause
         FROM json_to_recordset($2::json) AS h(job_id uuid, event_id text, generation int, revision int,
           occurred_at timestamptz, service text, stage text, type text, error_class text, code text,
           from_state text, to_state text, cause text)
         ON CONFLICT DO NOTHING
       )
       UPDATE jobs SET state = 'failed', given_up = true, settled_at = clock_timestamp(),
         ingest_revision = ingest_revision + 2
       WHERE id = ANY($1::uuid[]) RETURNING id, settled_at, ingest_revision AS revision`,
      [given.map(({ id }) => id), JSON.stringify(given.map(({ hop }) => hop))],
    );
    return new Map(rows.map(({ id, ...rest }) => [id, rest]));
  }
}
