import { Injectable } from '@nestjs/common';
import type { Recipient } from '@assay/contracts';
import { packBodies } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { v7 } from 'uuid';
import { mayPass } from './acceptance.js';
import type { Candidate } from './acceptance.js';
import { contestLocks, contestLocksOf } from './contest-locks.js';
import { INSERT_JOBS } from './sql/insert-jobs.js';
import { LOAD_CONTEST } from './sql/load-contest.js';
import type { ContestRow } from './sql/load-contest.js';
import { LOCK_CONTEST } from './sql/lock-contest.js';
import { LOCK_PASSING } from './sql/lock-passing.js';
import { PASS_KEYS } from './sql/pass-keys.js';
import type { PassedJob } from './sql/pass-keys.js';

/** A job about to be stored; its body goes to `submissions`. */
export interface NewJob {
  id: string;
  source: string;
  idempotency_key: string;
  /** Hex. */
  body_digest: string;
  body_bytes: number;
  changelist_id: string;
  review_version: number;
  rerun: boolean;
  priority: number;
  recipients: Recipient[];
  allow_list_hash: string;
  submitted_by: string;
  correlation_id: string;
  traceparent: string | null;
}

export interface SecurityEvent {
  code: string;
  source: string;
  key_id: string;
  correlation_id: string;
  detail: Record<string, unknown>;
}

export interface Contest {
  rows: ContestRow[];
  held_up: Set<Candidate>;
}

/** The statements of a batch of submissions, all inside the caller's transaction. */
@Injectable()
export class AcceptanceRepository {
  /**
   * Locks what the candidates contend for, then reads what they are judged by. Candidates whose locks others hold, or the
   * job whose key they may have, are `held_up`, and of them nothing is known.
   */
  async contest(tx: Tx, candidates: readonly Candidate[]): Promise<Contest> {
    const locked = tx.query<{ held: string }>(LOCK_CONTEST, [contestLocks(candidates)]);
    const rows = tx.query<ContestRow>(LOAD_CONTEST, [
      candidates.map(({ source }) => source),
      candidates.map(({ idempotency_key }) => idempotency_key),
      candidates.map(({ changelist_id }) => changelist_id),
    ]);
    const held_locks = new Set((await locked).map(({ held }) => held));
    const isHeldUp = (candidate: Candidate): boolean => contestLocksOf(candidate).some((lock) => held_locks.has(lock));
    const held_up = new Set(held_locks.size === 0 ? [] : candidates.filter(isHeldUp));
    const contest = { rows: await rows, held_up };
    await this.#lockPassing(tx, candidates, contest);
    return contest;
  }

  /** Asked only where a key may pass: once in a while a reviewer's mistake is mended and sent again. */
  async #lockPassing(tx: Tx, candidates: readonly Candidate[], { rows, held_up }: Contest): Promise<void> {
    const passing = rows.filter(
      ({ n, body_digest, ...row }) =>
        body_digest !== null &&
        mayPass(candidates[n - 1]!, { ...row, body_digest }) &&
        !held_up.has(candidates[n - 1]!),
    );
    if (passing.length === 0) return;
    const locked = await tx.query<{ id: string }>(LOCK_PASSING, [[...new Set(passing.map(({ job_id }) => job_id))]]);
    const ours = new Set(locked.map(({ id }) => id));
    for (const { n, job_id } of passing) if (!ours.has(job_id)) held_up.add(candidates[n - 1]!);
  }

  /** Before the successors are inserted: a key is one job's. */
  passKeys(tx: Tx, passes: readonly { job_id: string; successor: string }[]): Promise<PassedJob[]> {
    const params = [passes.map(({ job_id }) => job_id), passes.map(({ successor }) => successor)];
    return tx.query<PassedJob>(PASS_KEYS, params);
  }

  /** `accepted_at` of each job by its id. */
  async insertJobs(tx: Tx, jobs: readonly NewJob[], bodies: readonly Buffer[]): Promise<Map<string, string>> {
    const { packed, offsets, lengths } = packBodies(bodies);
    const ids = jobs.map(({ id }) => id);
    const params = [packed, ids, offsets, lengths, JSON.stringify(jobs)];
    const rows = await tx.query<{ id: string; accepted_at: string }>(INSERT_JOBS, params);
    return new Map(rows.map(({ id, accepted_at }) => [id, accepted_at]));
  }

  async insertSecurityEvents(tx: Tx, events: readonly SecurityEvent[]): Promise<void> {
    await tx.execute(
      `INSERT INTO security_events (id, code, source, key_id, correlation_id, detail)
       SELECT e.id, e.code, e.source, e.key_id, e.correlation_id, e.detail
         FROM json_to_recordset($1::json)
           AS e(id uuid, code text, source text, key_id text, correlation_id text, detail json)`,
      [JSON.stringify(events.map((event) => ({ id: v7(), ...event })))],
    );
  }
}
