import { Injectable } from '@nestjs/common';
import { packBodies } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { contestBusy, LOAD_STANDING, LOCK_CONTEST, replayLocks } from '../reviews/index.js';
import type { StandingRow } from '../reviews/index.js';
import type { ReplayedJob } from './replay-decision.js';
import { FIND_ANSWERS } from './sql/find-answers.js';
import type { AnswerRow } from './sql/find-answers.js';
import { LOCK_REPLAYED } from './sql/lock-replayed.js';
import { STORE_REPLAYS } from './sql/store-replays.js';

export interface LockedJob extends ReplayedJob {
  priority: number;
  correlation_id: string;
  traceparent: string | null;
}

/** A row of `replays`. */
export interface NewDecision {
  item_id: string;
  plan_id: string;
  dead_letter_id: string;
  job_id: string;
  action: string;
  start_stage: string;
  actor: string;
  decided_at: string;
  /** The one that begins, or, where it was refused, the one that was asked for. */
  generation: number;
  refusal: string | null;
  superseded_by: string | null;
  answer: Buffer;
}

/** A job that begins a generation, with its hop. */
export interface Beginning {
  id: string;
  generation: number;
  event_id: string;
  occurred_at: string;
  from_state: string;
  cause: string;
  revision: number;
  /** The validator is to judge it again. */
  validates_again: boolean;
}

type Contender = { source: string; changelist_id: string; item_id: string };

/** The statements of a batch of requests, all inside the caller's transaction. */
@Injectable()
export class ReplayRepository {
  /**
   * Locks what the requests contend for, then reads which of them have their answer already. Rejects with a conflict
   * where another has one of these locks.
   */
  async answers(tx: Tx, requests: readonly Contender[]): Promise<Map<string, AnswerRow>> {
    const held = await tx.query(LOCK_CONTEST, [replayLocks(requests)]);
    if (held.length > 0) throw contestBusy();
    const rows = await tx.query<AnswerRow>(FIND_ANSWERS, [requests.map(({ item_id }) => item_id)]);
    return new Map(rows.map((row) => [row.item_id, row]));
  }

  async lockJobs(tx: Tx, ids: readonly string[]): Promise<Map<string, LockedJob>> {
    const rows = await tx.query<LockedJob>(LOCK_REPLAYED, [ids]);
    return new Map(rows.map((row) => [row.id, row]));
  }

  standing(tx: Tx, of: readonly Contender[]): Promise<StandingRow[]> {
    return tx.query(LOAD_STANDING, [of.map(({ source }) => source), of.map(({ changelist_id }) => changelist_id)]);
  }

  async store(tx: Tx, decisions: readonly NewDecision[], begun: readonly Beginning[]): Promise<void> {
    const { packed, offsets, lengths } = packBodies(decisions.map(({ answer }) => answer));
    const rows = decisions.map(({ answer: _answer, ...row }, index) => ({
      ...row,
      o: offsets[index],
      l: lengths[index],
    }));
    const ids = begun.map(({ id }) => id);
    await tx.execute(STORE_REPLAYS, [JSON.stringify(rows), packed, JSON.stringify(begun), ids]);
  }

  /** What began these generations: where each started, and what was told of it. */
  async beginnings(
    tx: Tx,
    of: readonly { id: string; generation: number }[],
  ): Promise<{ job_id: string; start_stage: string; answer: Buffer }[]> {
    if (of.length === 0) return [];
    return tx.query(
      `SELECT r.job_id, r.start_stage, r.answer
         FROM unnest($1::uuid[], $2::int[]) AS u(job_id, generation)
         JOIN replays r ON r.job_id = u.job_id AND r.generation = u.generation AND r.refusal IS NULL`,
      [of.map(({ id }) => id), of.map(({ generation }) => generation)],
    );
  }
}
