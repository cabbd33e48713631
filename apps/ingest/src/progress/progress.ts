import { STAGES } from '@assay/contracts';
import type { DeliverySummary, FindingCounts, JobState, Stage, VersionDecision } from '@assay/contracts';
import { isTerminal, mayMove } from './job-machine.js';
import type { News } from './news.js';

/** What ingest knows of a job's way, beside what was submitted. */
export interface Progress {
  state: JobState;
  generation: number;
  /** The stage and revision of the latest news that counted; before the first, `ingest` and 0. */
  stage: Stage;
  revision: number;
  /** The revision of the latest facts of each stage: news of one stage never hide another's (GEN-9). */
  validate_revision: number;
  notify_revision: number;
  counts: FindingCounts | null;
  versions: VersionDecision | null;
  deliveries: DeliverySummary | null;
}

export type Verdict =
  /** It is the latest word: the job stands where it says. */
  | 'applied'
  /** A later word was heard first; what it alone knows of its stage is kept. */
  | 'overtaken'
  /** The job has ended; its facts may still change, its state only by a replay. */
  | 'ended'
  /** Of another generation than the job's. */
  | 'other_generation';

export interface Step {
  progress: Progress;
  verdict: Verdict;
  /** Null when the state stays as it is. */
  move: { from: JobState; to: JobState } | null;
}

/** What one piece of news does to a job: a pure function, so that any order of arrival can be tried (ING-9, GEN-9). */
export function heed(progress: Progress, news: News): Step {
  if (news.generation !== progress.generation) return { progress, verdict: 'other_generation', move: null };
  const informed = withFacts(progress, news);
  if (isTerminal(progress.state)) return { progress: informed, verdict: 'ended', move: null };
  if (!isLater(progress, news)) return { progress: informed, verdict: 'overtaken', move: null };

  const heard = { ...informed, stage: news.stage, revision: news.revision };
  if (!mayMove(progress.state, news.state)) return { progress: heard, verdict: 'applied', move: null };
  return {
    progress: { ...heard, state: news.state },
    verdict: 'applied',
    move: { from: progress.state, to: news.state },
  };
}

function isLater(progress: Progress, news: News): boolean {
  const stages = STAGES.indexOf(news.stage) - STAGES.indexOf(progress.stage);
  return stages === 0 ? news.revision > progress.revision : stages > 0;
}

function withFacts(progress: Progress, news: News): Progress {
  if (news.stage === 'validate' && news.revision > progress.validate_revision) {
    return {
      ...progress,
      validate_revision: news.revision,
      counts: news.counts ?? progress.counts,
      versions: news.versions ?? progress.versions,
    };
  }
  if (news.stage === 'notify' && news.revision > progress.notify_revision) {
    return { ...progress, notify_revision: news.revision, deliveries: news.summary ?? progress.deliveries };
  }
  return progress;
}
