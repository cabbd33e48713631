import { Inject, Injectable } from '@nestjs/common';
import { TERMINAL_JOB_STATES } from '@assay/contracts';
import type { JobState } from '@assay/contracts';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { JobRow, TimelineRow } from './job.js';
import type { SubmittedJob } from './submitted-event.js';
import { SETTLED_AMONG } from './sql/settled-among.js';

const JOB_COLUMNS = `id, source, changelist_id, review_version, state, generation, rerun, priority, correlation_id,
  accepted_at, settled_at, submitted_by, counts, versions, reading, truncated, deliveries`;

/** The sources that a caller may see; `*` is every one. */
export type VisibleSources = string[] | '*';

export interface JobFilter {
  sources: VisibleSources;
  changelist_id?: string;
  state?: JobState;
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

  /** @param within_ms for a caller that has a limit of its own; else a statement's limit holds */
  async find(id: string, sources: VisibleSources, within_ms?: number): Promise<JobRow | null> {
    if (within_ms === undefined) return findJob(this.database, id, sources);
    return this.database.transaction((tx) => findJob(tx, id, sources), { within_ms });
  }

  /** A job and its timeline as they were at one moment. */
  withTimeline(id: string, sources: VisibleSources): Promise<{ job: JobRow; rows: TimelineRow[] } | null> {
    return this.database.snapshot(async (tx) => {
      const job = await findJob(tx, id, sources);
      return job && { job, rows: await timelineOf(tx, id) };
    });
  }

  /** Newest first. */
  list(filter: JobFilter): Promise<ListedJob[]> {
    const { text, params } = listQuery(filter);
    return this.database.query<ListedJob>(text, params);
  }

  /** Which of the jobs have ended. */
  async settledAmong(ids: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(SETTLED_AMONG, [ids]);
    return rows.map(({ id }) => id);
  }

  /** How long the raw bodies of jobs are, by job; lengths stand beside the references to the bodies. */
  async submittedBytes(ids: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.database.query<{ id: string; bytes: number }>(
      `SELECT artefact_id AS id, octet_length(bytes) AS bytes FROM submissions WHERE artefact_id = ANY($1::uuid[])`,
      [ids],
    );
    return new Map(rows.map(({ id, bytes }) => [id, bytes]));
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

async function findJob(tx: Tx, id: string, sources: VisibleSources): Promise<JobRow | null> {
  const [row] = await tx.query<JobRow>(
    `SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1 AND ($2::text[] IS NULL OR source = ANY($2))`,
    [id, scope(sources)],
  );
  return row ?? null;
}

function timelineOf(tx: Tx, job_id: string): Promise<TimelineRow[]> {
  return tx.query<TimelineRow>(
    `SELECT occurred_at, service, stage, generation, type, attempt, error_class, code, reading, next_due_at,
       from_state, to_state, cause
     FROM job_timeline WHERE job_id = $1 ORDER BY generation, occurred_at, recorded_at`,
    [job_id],
  );
}

/** `cursor_at` keeps the microseconds that the shown time has lost. */
export type ListedJob = JobRow & { cursor_at: string };

/**
 * Only the conditions that were asked for, so that each has its index: `jobs_listed` for one source, `jobs_recent` for
 * all of them (a single `source = ANY(…)` would sort every job of the source), for a changelist the two partial
 * indexes, one for each half of its condition, and for a state those of {@link stateCondition}.
 */
export function listQuery(filter: JobFilter): { text: string; params: unknown[] } {
  const params: unknown[] = [];
  const bind = (value: unknown): string => `$${params.push(value)}`;
  const { sources, changelist_id, state, created_after, before } = filter;
  const conditions = ['true'];
  if (sources !== '*') {
    conditions.push(sources.length === 1 ? `source = ${bind(sources[0])}` : `source = ANY(${bind(sources)}::text[])`);
  }
  if (changelist_id !== undefined) {
    const id = bind(changelist_id);
    conditions.push(`((standing AND changelist_id = ${id}) OR (NOT standing AND changelist_id = ${id}))`);
  }
  if (state !== undefined) conditions.push(stateCondition(state, bind(state)));
  if (created_after !== undefined) conditions.push(`accepted_at > ${bind(created_after)}`);
  if (before !== undefined) {
    conditions.push(`(accepted_at, id) < (${bind(before.accepted_at)}::timestamptz, ${bind(before.id)}::uuid)`);
  }
  const text = `SELECT ${JOB_COLUMNS}, to_char(accepted_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS cursor_at
    FROM jobs WHERE ${conditions.join(' AND ')}
    ORDER BY accepted_at DESC, id DESC LIMIT ${bind(filter.limit)}`;
  return { text, params };
}

/**
 * A rare state is not looked for among all jobs: what failed or was superseded has indexes of its own (`jobs_fallen_…`),
 * and what has not ended is among the jobs under way (`jobs_open`), whose states no index may hold (they would no longer
 * change on their page). What has succeeded is nearly everything.
 */
function stateCondition(state: JobState, bound: string): string {
  if (!TERMINAL_JOB_STATES.includes(state)) return `settled_at IS NULL AND state = ${bound}`;
  return state === 'succeeded' ? `state = ${bound}` : `fallen_as = ${bound}`;
}

function scope(sources: VisibleSources): string[] | null {
  return sources === '*' ? null : sources;
}
