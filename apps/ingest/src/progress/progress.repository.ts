import { Injectable } from '@nestjs/common';
import type { JobState, Stage } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import { changelistLocks, LOAD_STANDING, LOCK_CONTEST } from '../reviews/index.js';
import type { StandingRow } from '../reviews/index.js';
import { versionOf } from './heed-batch.js';
import type { Progress } from './progress.js';
import { LOCK_PROGRESS } from './sql/lock-progress.js';
import { STORE_PROGRESS } from './sql/store-progress.js';
import type { StoredProgress } from './sql/store-progress.js';

/** A job as progress sees it. */
export interface JobInProgress extends Progress {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  correlation_id: string;
  traceparent: string | null;
  priority: number;
}

export interface ChangedJob extends JobInProgress {
  /** The news is a sign of life: the job is not forgotten (ING-11). */
  alive: boolean;
  /** The latest word is among the news: it alone says until when nobody need speak. */
  latest: boolean;
  /** Until then nobody need speak: an attempt is due, or a destination is waited for. */
  next_due_at: string | null;
  /** It has ended with this. */
  settles: boolean;
}

/** A row of `job_timeline`. */
export interface NewHop {
  job_id: string;
  event_id: string;
  generation: number;
  revision: number;
  occurred_at: string;
  service: string;
  stage: Stage;
  type: string;
  attempt: number | null;
  error_class: string | null;
  code: string | null;
  reading: string | null;
  next_due_at: string | null;
  from_state: JobState | null;
  to_state: JobState | null;
  cause: string;
}

/** Jobs of one statement: it compares each with each (see {@link STORE_PROGRESS}). */
const STEP = 100;

@Injectable()
export class ProgressRepository {
  async lock(tx: Tx, ids: readonly string[]): Promise<Map<string, JobInProgress>> {
    const rows = await tx.query<JobInProgress>(LOCK_PROGRESS, [ids]);
    return new Map(rows.map((row) => [row.id, row]));
  }

  /**
   * The same, under the locks of their changelists, so that no submission or replay of them is judged meanwhile; and
   * which job stands for each version, as the last holder of each lock left it. Jobs of a changelist whose lock another
   * holds are not among them.
   */
  async lockContested(
    tx: Tx,
    of: readonly JobInProgress[],
  ): Promise<{ jobs: Map<string, JobInProgress>; standing: Map<string, string> }> {
    const locks = await tx.query<{ held: string }>(LOCK_CONTEST, [changelistLocks(of)]);
    const held = new Set(locks.map((row) => row.held));
    const free = of.filter((job) => !changelistLocks([job]).some((lock) => held.has(lock)));
    if (free.length === 0) return { jobs: new Map(), standing: new Map() };
    const jobs = await this.lock(
      tx,
      free.map(({ id }) => id),
    );
    const params = [free.map(({ source }) => source), free.map(({ changelist_id }) => changelist_id)];
    const rows = await tx.query<StandingRow>(LOAD_STANDING, params);
    return { jobs, standing: new Map(rows.map((row) => [versionOf(row), row.job_id])) };
  }

  async store(tx: Tx, jobs: readonly ChangedJob[], hops: readonly NewHop[]): Promise<StoredProgress[]> {
    const statements: Promise<StoredProgress[]>[] = [];
    for (let start = 0; start === 0 || start < jobs.length; start += STEP) {
      const step = jobs.slice(start, start + STEP);
      const told = start === 0 ? hops : [];
      const ids = step.map(({ id }) => id);
      statements.push(tx.query<StoredProgress>(STORE_PROGRESS, [JSON.stringify(step), JSON.stringify(told), ids]));
    }
    return (await Promise.all(statements)).flat();
  }
}
