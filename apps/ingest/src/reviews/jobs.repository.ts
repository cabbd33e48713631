import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@assay/postgres';
import type { JobRow, TimelineRow } from './job.js';
import type { SubmittedJob } from './submitted-event.js';
import { SETTLED_AMONG } from './sql/settled-among.js';

const JOB_COLUMNS = `id, source, changelist_id, review_version, state, generation, rerun, priority, correlation_id,
  accepted_at, settled_at, submitted_by, counts, versions, deliveries`;

/** The sources that a caller may see; `*` is every one. */
export type VisibleSources = string[] | '*';

export interface JobFilter {
  sources: VisibleSources;
  changelist_id?: string;
  state?: string;
  /** RFC 3339. */
  created_after?: string;
  /** The last job of the page before. */
  before?: { accepted_at: string; id: string };
  limit: number;
}

/** Reading jobs. Every statement is scoped by the sources that the caller may see (SEC-6). */
@Injectable()
export class JobsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async find(id: string, sources: VisibleSources): Promise<JobRow | null> {
    const [row] = await this.database.query<JobRow>(
      `SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1 AND ($2::text[] IS NULL OR source = ANY($2))`,
      [id, scope(sources)],
    );
    return row ?? null;
  }

  timeline(job_id: string): Promise<TimelineRow[]> {
    return this.database.query<TimelineRow>(
      `SELECT occurred_at, service, stage, generation, type, attempt, error_class, code, next_due_at, from_state,
         to_state, cause
       FROM job_timeline WHERE job_id = $1 ORDER BY generation, occurred_at, recorded_at`,
      [job_id],
    );
  }

  /** Newest first. The changelist's condition is written so that each partial index serves its half. */
  list(filter: JobFilter): Promise<(JobRow & { cursor_at: string })[]> {
    const { sources, changelist_id, state, created_after, before, limit } = filter;
    return this.database.query(
      `SELECT ${JOB_COLUMNS}, to_char(accepted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS cursor_at
       FROM jobs
       WHERE ($1::text[] IS NULL OR source = ANY($1))
         AND ($2::text IS NULL OR (standing AND changelist_id = $2) OR (NOT standing AND changelist_id = $2))
         AND ($3::text IS NULL OR state = $3)
         AND ($4::timestamptz IS NULL OR accepted_at > $4)
         AND ($5::timestamptz IS NULL OR (accepted_at, id) < ($5, $6::uuid))
       ORDER BY accepted_at DESC, id DESC
       LIMIT $7`,
      [scope(sources), changelist_id, state, created_after, before?.accepted_at, before?.id, limit],
    );
  }

  /** Which of the jobs have ended. */
  async settledAmong(ids: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(SETTLED_AMONG, [ids]);
    return rows.map(({ id }) => id);
  }

  /** What `review.submitted` is made of, with the raw bodies, of the jobs that are there. */
  submitted(ids: readonly string[]): Promise<(SubmittedJob & { bytes: Buffer })[]> {
    return this.database.query(
      `SELECT j.id, j.source, j.changelist_id, j.review_version, j.generation, j.priority, j.recipients,
         j.allow_list_hash, j.correlation_id, j.traceparent, j.accepted_at, s.bytes
       FROM jobs j JOIN submissions s ON s.artefact_id = j.id WHERE j.id = ANY($1::uuid[])`,
      [ids],
    );
  }
}

function scope(sources: VisibleSources): string[] | null {
  return sources === '*' ? null : sources;
}
