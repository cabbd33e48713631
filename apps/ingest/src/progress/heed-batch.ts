import type { Stage } from '@assay/contracts';
import type { News } from './news.js';
import { heed } from './progress.js';
import type { Verdict } from './progress.js';
import type { ChangedJob, JobInProgress, NewHop } from './progress.repository.js';
import { isTerminal } from './job-machine.js';

export interface BatchOutcome {
  changed: ChangedJob[];
  hops: NewHop[];
  /** How each piece of news was taken; `unknown_job` where no such job is of that source. */
  verdicts: (Verdict | 'unknown_job')[];
}

const SERVICE_OF: Record<Stage, string> = { ingest: 'ingest', validate: 'validator', notify: 'notifier' };

/** What a batch of news does to the jobs that it tells of; several pieces about one job count one after the other. */
export function heedBatch(jobs: ReadonlyMap<string, JobInProgress>, batch: readonly News[]): BatchOutcome {
  const changed = new Map<string, ChangedJob>();
  const hops: NewHop[] = [];
  const verdicts = batch.map((news): Verdict | 'unknown_job' => {
    const known = changed.get(news.job_id);
    const before: JobInProgress | undefined = known ?? jobs.get(news.job_id);
    // Another source's job is not this source's to move (GEN-8).
    if (before === undefined || before.source !== news.source) return 'unknown_job';
    const { progress, verdict, move } = heed(before, news);
    hops.push(hopOf(news, move));
    const alive = isSignOfLife(news, verdict);
    if (progress !== before || alive) {
      changed.set(news.job_id, {
        ...before,
        ...progress,
        alive: alive || (known?.alive ?? false),
        next_due_at: alive ? news.next_due_at : (known?.next_due_at ?? null),
        settles: (move !== null && isTerminal(move.to)) || (known?.settles ?? false),
      });
    }
    return verdict;
  });
  return { changed: [...changed.values()], hops, verdicts };
}

/**
 * Whether somebody still works on the job (ING-11). A repeated answer of the validator shows only that the reminder
 * came through; one of the notifier, which has the last word, shows that it knows of the job.
 */
function isSignOfLife(news: News, verdict: Verdict): boolean {
  return verdict === 'applied' || (verdict === 'overtaken' && news.stage === 'notify');
}

function hopOf(news: News, move: { from: NewHop['from_state']; to: NewHop['to_state'] } | null): NewHop {
  return {
    job_id: news.job_id,
    event_id: news.event_id,
    generation: news.generation,
    revision: news.revision,
    occurred_at: news.occurred_at,
    service: SERVICE_OF[news.stage] ?? news.stage,
    stage: news.stage,
    type: news.type,
    attempt: news.attempt,
    error_class: news.error_class,
    code: news.code,
    next_due_at: news.next_due_at,
    from_state: move?.from ?? null,
    to_state: move?.to ?? null,
    cause: news.cause,
  };
}
