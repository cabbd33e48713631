import { TERMINAL_JOB_STATES } from '@assay/contracts';
import type { DeliverySummary, FindingCounts, JobState, VersionDecision } from '@assay/contracts';
import { reviewLinks } from '@assay/service';
import type { PublicUrls, ReviewLinks } from '@assay/service';

/** A job as the API shows it. Times are the database's, RFC 3339 UTC. */
export interface JobRow {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  state: JobState;
  generation: number;
  rerun: boolean;
  priority: number;
  correlation_id: string;
  accepted_at: string;
  settled_at: string | null;
  submitted_by: string;
  counts: FindingCounts | null;
  versions: VersionDecision | null;
  reading: string | null;
  truncated: boolean | null;
  deliveries: DeliverySummary | null;
}

export interface TimelineRow {
  occurred_at: string;
  service: string;
  stage: string;
  generation: number;
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

/** One step of a job's way. `from` and `to` where the job moved (GEN-1). */
export interface Hop {
  at: string;
  service: string;
  stage: string;
  generation: number;
  event: string;
  attempt: number | null;
  error_class: string | null;
  code: string | null;
  /** Of a verdict: under which reading it was judged (VAL-15). */
  reading: string | null;
  next_due_at: string | null;
  from: JobState | null;
  to: JobState | null;
  cause: string;
}

/** What a job waits for: another attempt, by itself. */
export interface Wait {
  stage: string;
  /** Why, in a stable form: `http_503`, `certificate_untrusted`, … */
  code: string | null;
  error_class: string | null;
  /** The next attempt is due, or what it waits for is given up. */
  until: string;
}

export interface JobView {
  job_id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  state: JobState;
  generation: number;
  rerun: boolean;
  priority: number;
  correlation_id: string;
  accepted_at: string;
  settled_at: string | null;
  counts: FindingCounts | null;
  versions: VersionDecision | null;
  /** Under which reading it was judged, `lenient` or `strict` (VAL-15); null, as the next, until it is judged. */
  reading: string | null;
  /** The review is not whole: the answer was cut off, and what of it had come whole was kept (VAL-16). */
  truncated: boolean | null;
  deliveries: {
    open: number;
    failed: number;
    by_state: Record<string, number>;
    by_channel: DeliverySummary['by_channel'];
    /** Findings that recipients' thresholds withheld, summed over the deliveries (DEL-16). */
    withheld: number;
  };
  links: ReviewLinks;
}

/** One job, in full. */
export interface JobDetail extends JobView {
  waits: Wait | null;
  timeline: Hop[];
}

const NO_DELIVERIES: DeliverySummary = { open: 0, failed: 0, by_channel: {} };

export function jobPath(job_id: string): string {
  return `/v1/reviews/${job_id}`;
}

/** @param urls where the services that the links lead to are reached */
export function jobView(row: JobRow, urls: PublicUrls): JobView {
  const { open, failed, by_channel, withheld = 0 } = row.deliveries ?? NO_DELIVERIES;
  return {
    job_id: row.id,
    source: row.source,
    changelist_id: row.changelist_id,
    review_version: row.review_version,
    state: row.state,
    generation: row.generation,
    rerun: row.rerun,
    priority: row.priority,
    correlation_id: row.correlation_id,
    accepted_at: row.accepted_at,
    settled_at: row.settled_at,
    counts: row.counts,
    versions: row.versions,
    reading: row.reading,
    truncated: row.truncated,
    deliveries: { open, failed, by_state: sumOverChannels(by_channel), by_channel, withheld },
    links: reviewLinks(row.id, urls),
  };
}

function sumOverChannels(by_channel: DeliverySummary['by_channel']): Record<string, number> {
  const by_state: Record<string, number> = {};
  for (const states of Object.values(by_channel)) {
    for (const [state, count] of Object.entries(states)) by_state[state] = (by_state[state] ?? 0) + count;
  }
  return by_state;
}

/** Null where the last word on the job leaves nothing waiting. */
export function waitOf({ state, generation }: JobRow, timeline: readonly Hop[]): Wait | null {
  const told = timeline.filter((hop) => hop.generation === generation);
  const until = told.at(-1)?.next_due_at ?? null;
  if (until === null || TERMINAL_JOB_STATES.includes(state)) return null;
  const { stage, code, error_class } = told.findLast(({ event }) => event === 'stage.delayed') ?? told.at(-1)!;
  return { stage, code, error_class, until };
}

/** The whole way, the acceptance first: it stands in the job's own row, not in the timeline's. */
export function timelineView(job: JobRow, rows: readonly TimelineRow[]): Hop[] {
  const accepted: Hop = {
    ...{ at: job.accepted_at, service: 'ingest', stage: 'ingest', generation: 0, event: 'review.submitted' },
    ...{ attempt: null, error_class: null, code: null, reading: null, next_due_at: null, from: null, to: 'queued' },
    cause: `submitted by ${job.submitted_by}`,
  };
  const later = rows.map(({ occurred_at, type, from_state, to_state, ...row }) => ({
    ...{ at: occurred_at, service: row.service, stage: row.stage, generation: row.generation, event: type },
    ...{ attempt: row.attempt, error_class: row.error_class, code: row.code, reading: row.reading },
    ...{ next_due_at: row.next_due_at, from: from_state, to: to_state, cause: row.cause },
  }));
  return [accepted, ...later];
}
