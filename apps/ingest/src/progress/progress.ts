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
  /** How the review result was read (VAL-15). */
  reading: string | null;
  /** It is not whole: the answer was cut off (VAL-16). */
  truncated: boolean | null;
  deliveries: DeliverySummary | null;
  /** It is `failed` for want of news in this generation, and not otherwise (ING-11). */
  given_up: boolean;
}

export type Verdict =
  /** It is the latest word: the job stands where it says. */
  | 'applied'
  /** A later word was heard first; what it alone knows of its stage is kept. */
  | 'overtaken'
  /** The job has ended; its facts may still change, its state only by a replay. */
  | 'ended'
  /** A replay has begun another generation since. */
  | 'older_generation'
  /** Of a generation that has not begun. */
  | 'other_generation'
  /** The job was given up, and another one of its version stands by now: it stays as it is (ING-4). */
  | 'superseded_by_job';

export interface Step {
  progress: Progress;
  verdict: Verdict;
  /** Null when the state stays as it is. */
  move: { from: JobState; to: JobState } | null;
  /** The generation ends with it: for a job that was given up, anew. */
  ends: boolean;
}

/**
 * What one piece of news does to a job: a pure function, so that any order of arrival can be tried (ING-9, GEN-9).
 * `replaced`: another job of the same version stands.
 */
export function heed(progress: Progress, news: News, replaced = false): Step {
  if (news.generation !== progress.generation) {
    return unmoved(progress, news.generation < progress.generation ? 'older_generation' : 'other_generation');
  }
  const { given_up } = progress;
  if (given_up && replaced) return unmoved(progress, 'superseded_by_job');
  const informed = withFacts(progress, news);
  if (isTerminal(progress.state) && !(given_up && isWord(news))) return unmoved(informed, 'ended');
  if (!isLater(progress, news)) return unmoved(informed, given_up ? 'ended' : 'overtaken');

  const heard = { ...informed, stage: news.stage, revision: news.revision, given_up: false };
  const verdict = 'applied';
  if (!mayMove(progress.state, news.state)) {
    return { progress: heard, verdict, move: null, ends: given_up && isTerminal(news.state) };
  }
  const move = { from: progress.state, to: news.state };
  return { progress: { ...heard, state: news.state }, verdict, move, ends: isTerminal(news.state) };
}

function unmoved(progress: Progress, verdict: Verdict): Step {
  return { progress, verdict, move: null, ends: false };
}

/** Of another stage: ingest's own dead letter of a job that was given up is no word on it. */
function isWord(news: News): boolean {
  return news.stage !== 'ingest';
}

function isLater(progress: Progress, news: News): boolean {
  const stages = STAGES.indexOf(news.stage) - STAGES.indexOf(progress.stage);
  return stages === 0 ? news.revision > progress.revision : stages > 0;
}

function withFacts(progress: Progress, news: News): Progress {
  // The dead letter of a rejected response may be heard before the verdict, which alone tells how it was read.
  const is_missing = news.counts !== null && progress.counts === null;
  if (news.stage === 'validate' && (news.revision > progress.validate_revision || is_missing)) {
    return {
      ...progress,
      validate_revision: Math.max(news.revision, progress.validate_revision),
      counts: news.counts ?? progress.counts,
      versions: news.versions ?? progress.versions,
      reading: news.reading ?? progress.reading,
      truncated: news.truncated ?? progress.truncated,
    };
  }
  if (news.stage === 'notify' && news.revision > progress.notify_revision) {
    return { ...progress, notify_revision: news.revision, deliveries: news.summary ?? progress.deliveries };
  }
  return progress;
}
