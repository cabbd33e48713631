import { Injectable } from '@nestjs/common';
import type { Tx } from '@assay/postgres';
import { REPLAY_QUEUE } from '../replay/index.js';
import { SUBMITTED_QUEUE } from '../reviews/index.js';
import type { JobInProgress, NewHop } from './progress.repository.js';
import { FIND_FORGOTTEN, LOCK_FORGOTTEN } from './sql/find-forgotten.js';

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
  /** The oldest jobs that nobody has told of for longer than `no_news_ms`. Takes no lock. */
  async find(tx: Tx, no_news_ms: number, limit: number): Promise<string[]> {
    const queues = [SUBMITTED_QUEUE, REPLAY_QUEUE];
    const rows = await tx.query<{ id: string }>(FIND_FORGOTTEN, [no_news_ms, queues, limit]);
    return rows.map(({ id }) => id);
  }

  /** Those of these jobs that are still quiet, locked; those that somebody else has in hand are left to them. */
  lock(tx: Tx, ids: readonly string[], no_news_ms: number): Promise<QuietJob[]> {
    return tx.query<QuietJob>(LOCK_FORGOTTEN, [no_news_ms, ids]);
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
