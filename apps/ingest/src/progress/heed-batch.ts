import type { Stage } from '@assay/contracts';
import type { News } from './news.js';
import { heed } from './progress.js';
import type { Step, Verdict } from './progress.js';
import type { ChangedJob, JobInProgress, NewHop } from './progress.repository.js';
import { stands } from './job-machine.js';

export interface BatchOutcome {
  changed: ChangedJob[];
  hops: NewHop[];
  /** How each piece of news was taken; `unknown_job` where no such job is of that source. */
  verdicts: (Verdict | 'unknown_job')[];
}

const SERVICE_OF: Record<Stage, string> = { ingest: 'ingest', validate: 'validator', notify: 'notifier' };

/**
 * What a batch of news does to the jobs that it tells of; several pieces about one job count one after the other.
 * `standing`: which job stands for a version, of the versions of the jobs that were given up; whoever stood when the
 * batch began keeps the others of its version where they are, though it may end with this batch.
 */
export function heedBatch(
  jobs: ReadonlyMap<string, JobInProgress>,
  batch: readonly News[],
  standing: ReadonlyMap<string, string> = new Map(),
): BatchOutcome {
  const changed = new Map<string, ChangedJob>();
  const holders = new Map(standing);
  const hops: NewHop[] = [];
  const verdicts = batch.map((news): Verdict | 'unknown_job' => {
    const known = changed.get(news.job_id);
    const before: JobInProgress | undefined = known ?? jobs.get(news.job_id);
    // Another source's job is not this source's to move (GEN-8).
    if (before === undefined || before.source !== news.source) return 'unknown_job';
    const holder = holders.get(versionOf(before));
    const { progress, verdict, move, ends } = heed(before, news, holder !== undefined && holder !== before.id);
    if (before.given_up && stands(progress.state)) holders.set(versionOf(before), before.id);
    hops.push(hopOf(news, verdict, move));
    const alive = isSignOfLife(news, verdict);
    if (progress !== before || alive) {
      changed.set(news.job_id, {
        ...before,
        ...progress,
        alive: alive || (known?.alive ?? false),
        latest: verdict === 'applied' || (known?.latest ?? false),
        next_due_at: verdict === 'applied' ? news.next_due_at : (known?.next_due_at ?? null),
        settles: ends || (known?.settles ?? false),
      });
    }
    return verdict;
  });
  return { changed: [...changed.values()], hops, verdicts };
}

/** What ING-4 allows one standing job for. A space occurs in none of the parts. */
export function versionOf(job: { source: string; changelist_id: string; review_version: number }): string {
  return `${job.source} ${job.changelist_id} ${job.review_version}`;
}

/**
 * Whether somebody still works on the job (ING-11). A repeated answer of the validator shows only that the reminder
 * came through; one of the notifier, which has the last word, shows that it knows of the job.
 */
function isSignOfLife(news: News, verdict: Verdict): boolean {
  return verdict === 'applied' || (verdict === 'overtaken' && news.stage === 'notify');
}

/** Why news that came too late changed nothing: the timeline says this, rather than what they told. */
const TOO_LATE: readonly Verdict[] = ['older_generation', 'superseded_by_job'];

function hopOf(news: News, verdict: Verdict, move: Step['move']): NewHop {
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
    reading: news.reading,
    next_due_at: news.next_due_at,
    from_state: move?.from ?? null,
    to_state: move?.to ?? null,
    cause: TOO_LATE.includes(verdict) ? verdict : news.cause,
  };
}
