import { Inject, Injectable } from '@nestjs/common';
import type { Recipient } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { LETTER_COLUMNS } from '../letters/index.js';
import type { DeadLetter } from '../letters/index.js';
import { letterConditions } from '../triage/index.js';
import type { LetterFilter } from '../triage/index.js';
import type { ReplayItem } from './replay-plan.js';
import { REPLAY_CONFIG } from './replay.settings.js';
import type { ReplaySettings } from './replay.settings.js';

/** A dead letter with all that its safety checks look at. */
export interface CandidateRow extends DeadLetter {
  /** On itself, or on its incident by a key that may speak for its source (DLQ-7). */
  has_evidence: boolean;
  /** The newest corrected recipient among its evidence. */
  correction: Recipient | null;
  in_another_plan: boolean;
  /** The highest generation of its job that is known here: another dead letter of it may have been replayed. */
  job_generation: number;
}

const JOB_GENERATION = `greatest(d.generation,
  (SELECT max(o.generation) FROM dead_letters o WHERE o.job_id = d.job_id),
  (SELECT max(greatest(i.accepted_generation, i.job_generation)) FROM replay_items i
    WHERE i.job_id = d.job_id AND i.requested_generation IS NOT NULL)) AS job_generation`;

const CANDIDATE = `SELECT ${LETTER_COLUMNS}, ${JOB_GENERATION},
  EXISTS (SELECT FROM evidence e WHERE e.dead_letter_id = d.id)
    OR EXISTS (SELECT FROM evidence e
                WHERE e.fingerprint = d.fingerprint AND (e.sources IS NULL OR d.source = ANY (e.sources))) AS has_evidence,
  (SELECT json_build_object('channel', e.facts->>'channel', 'address', e.facts->>'address') FROM evidence e
    WHERE e.dead_letter_id = d.id AND e.type = 'recipient_correction' ORDER BY e.sequence DESC LIMIT 1) AS correction,
  EXISTS (SELECT FROM replay_items i
           WHERE i.dead_letter_id = d.id AND i.state IN ('queued', 'requested', 'accepted')) AS in_another_plan
  FROM dead_letters d`;

/**
 * The job is being replayed, or its last replay is not over at ingest, which would refuse the next. That end is waited for
 * as long as any word of a replay, `timeout` ms: where it is lost, asking is the way to find out (DLQ-5).
 */
const jobBusy = (timeout: `$${number}`) => `EXISTS (
  SELECT FROM replay_items o
   WHERE o.job_id = i.job_id AND o.requested_generation IS NOT NULL
     AND (o.state IN ('requested', 'accepted')
       OR (o.accepted_generation IS NOT NULL AND NOT o.job_settled AND o.state <> 'given_up'
         AND o.changed_at > clock_timestamp() - ${timeout}::float8 * interval '1 millisecond')))`;

export type NextItem = Pick<ReplayItem, 'id' | 'dead_letter_id' | 'job_id'>;
const PICKED = 4;

/** Dead letters as candidates for a replay. Takes no lock: what is frozen is checked again when its turn comes. */
@Injectable()
export class CandidatesRepository {
  constructor(@Inject(REPLAY_CONFIG) private readonly settings: ReplaySettings) {}

  /** In the order of the ids; those that the key cannot see are left out. */
  async byIds(tx: Tx, ids: readonly string[], sources: string[] | null): Promise<CandidateRow[]> {
    return tx.query<CandidateRow>(
      `${CANDIDATE} WHERE id = ANY ($1::uuid[]) AND ($2::text[] IS NULL OR source = ANY ($2))
        ORDER BY array_position($1::uuid[], id)`,
      [ids, sources],
    );
  }

  /** The oldest first. */
  byFilter(tx: Tx, filter: LetterFilter, sources: string[] | null, limit: number): Promise<CandidateRow[]> {
    const params: unknown[] = [];
    const bind = (value: unknown) => `$${params.push(value)}`;
    const conditions = letterConditions(filter, sources, { bind, pointer: (member) => `/filter/${member}` });
    const sql = `${CANDIDATE} WHERE ${conditions} ORDER BY opened_at, id LIMIT ${bind(limit)}`;
    return tx.query<CandidateRow>(sql, params);
  }

  /**
   * The next items of a plan: one of each job, and of no job that is being replayed or whose last replay is not over
   * at ingest. Takes no lock. Picks a few times as many and leaves out the jobs' further ones here: `DISTINCT ON` would
   * read the whole plan for every step.
   */
  async next(tx: Tx, plan_id: string, limit: number): Promise<NextItem[]> {
    const rows = await tx.query<NextItem>(
      `SELECT i.id, i.dead_letter_id, i.job_id FROM replay_items i
        WHERE i.plan_id = $1 AND i.state = 'queued' AND NOT ${jobBusy('$3')}
        ORDER BY i.position LIMIT $2`,
      [plan_id, limit * PICKED, this.settings.replay_timeout_ms],
    );
    const jobs = new Set<string | null>();
    return rows.filter(({ job_id }) => !jobs.has(job_id) && jobs.add(job_id)).slice(0, limit);
  }

  /** Takes turns at jobs, across plans; in ascending order, so that two runners never wait for each other. */
  async lockJobs(tx: Tx, job_ids: readonly string[]): Promise<void> {
    await tx.query(
      `SELECT pg_advisory_xact_lock(key) FROM (
         SELECT DISTINCT hashtextextended('assay.replay ' || id, 0) AS key FROM unnest($1::text[]) AS id ORDER BY 1
       ) AS ordered`,
      [job_ids],
    );
  }

  /** Those of these items that may be asked for now: to be asked again under the locks. */
  async free(tx: Tx, item_ids: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(
      `SELECT i.id FROM replay_items i WHERE i.id = ANY ($1) AND i.state = 'queued' AND NOT ${jobBusy('$2')}`,
      [item_ids, this.settings.replay_timeout_ms],
    );
    return new Set(rows.map(({ id }) => id));
  }

  async hasQueued(tx: Tx, plan_id: string): Promise<boolean> {
    const sql = `SELECT FROM replay_items WHERE plan_id = $1 AND state = 'queued' LIMIT 1`;
    return (await tx.query(sql, [plan_id])).length > 0;
  }
}
