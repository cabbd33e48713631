import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Failure } from '@assay/contracts';
import type { JobState, Submission as EventSubmission } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { Liveness } from '@assay/service';
import type { JsonBody } from '@assay/service';
import { fullJitterMs, WorkQueue } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import { INGEST_CONFIG } from '../ingest.config.js';
import type { IngestConfig } from '../ingest.config.js';
import { judge } from './acceptance.js';
import type { Candidate, Judgement, KeyHolder, StandingJob } from './acceptance.js';
import { AcceptanceRepository } from './acceptance.repository.js';
import type { NewJob } from './acceptance.repository.js';
import { Batcher } from './batcher.js';
import type { Deadline } from './deadline.js';
import type { ContestRow } from './sql/load-contest.js';
import type { PassedJob } from './sql/pass-keys.js';
import { submittedAgain } from './submitted-again.js';
import { submittedEvent } from './submitted-event.js';

/** The queue whose items publish `review.submitted`. */
export const SUBMITTED_QUEUE = 'submitted';

/** A submission of good shape, ready to be judged. */
export interface Submission {
  candidate: Candidate;
  /** What is stored if it is accepted. */
  job: NewJob;
  /** The caller's body as it came, and parsed. */
  body: JsonBody;
}

export type Answer = { judgement: Judgement; job: (NewJob & { accepted_at: string }) | null };

interface Stored {
  /** Null where another transaction holds the submission's locks. */
  answers: (Answer | null)[];
  publish: () => void;
}

const log = createLog('ingest.acceptance', ['submission_denied']);
const judgements = counter('assay_submissions_total', 'Submissions by what became of them');
/** Commits beside each other where one hangs: half of the default pool, so that the other half goes on. */
const MAX_COMMITS = 4;
/** How soon what another transaction holds up is tried again: one commit takes some 10 ms. */
const HELD_UP_RETRIES = { first_ms: 20, cap_ms: 200 };
/** `/livez` fails where submissions came and none was answered for so long (GEN-10): each has its own limit of seconds. */
const MAX_SILENCE_MS = 30_000;
/** Denied paths that a security event names; their number is always told. */
const MAX_DENIED_STORED = 100;

/**
 * Accepts submissions in batches: one transaction judges them in order, stores what is accepted with its work item
 * (ING-2), and is committed before anybody is answered.
 */
@Injectable()
export class AcceptanceService {
  /** Answers null to what another transaction holds up, and of which nothing was stored. */
  readonly #batcher: Batcher<Submission, Answer | null>;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(AcceptanceRepository) private readonly repository: AcceptanceRepository,
    @Inject(Liveness) private readonly liveness: Liveness,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {
    const options = {
      max_items: config.accept_batch_items,
      max_bytes: config.accept_batch_bytes,
      max_waiting_bytes: config.accept_waiting_bytes,
      max_commits: MAX_COMMITS,
    };
    this.#batcher = new Batcher(
      (batch) => this.#commit(batch, config.accept_timeout_ms),
      options,
      ({ job }) => job.source,
    );
  }

  /** Resolves once what it says is durable; rejects with a retryable failure where it could not be made so in time. */
  async submit(submission: Submission, deadline: Deadline): Promise<Answer> {
    const answer = await this.#answerTo(submission, deadline);
    const { judgement } = answer;
    judgements.add(1, { outcome: judgement.kind });
    if (judgement.kind === 'denied') {
      const { source, submitted_by: key_id, changelist_id } = submission.job;
      log.warn('submission_denied', { source, key_id, changelist_id, denied: judgement.denied_paths.length });
    }
    return answer;
  }

  /** Tries again what others hold up: nobody waits for their locks, for they may hang on to them. */
  async #answerTo(submission: Submission, deadline: Deadline): Promise<Answer> {
    const bytes = submission.body.bytes.length;
    const ended = this.liveness.due('acceptance', MAX_SILENCE_MS);
    try {
      for (let round = 1; ; round += 1) {
        const answer = await this.#batcher.submit(submission, bytes, deadline.leftMs());
        if (answer !== null) return answer;
        const pause_ms = fullJitterMs(round, HELD_UP_RETRIES);
        if (pause_ms >= deadline.leftMs()) throw heldUp();
        await pause(pause_ms);
      }
    } finally {
      ended();
    }
  }

  async #commit(batch: Submission[], within_ms: number): Promise<(Answer | null)[]> {
    const { answers, publish } = await this.database.transaction((tx) => this.#contest(tx, batch), { within_ms });
    // Once the answers are on their way: nobody waits for the schema check and the copies of a whole batch.
    setImmediate(publish);
    return answers;
  }

  async #contest(tx: Tx, batch: readonly Submission[]): Promise<Stored> {
    const candidates = batch.map(({ candidate }) => candidate);
    const { rows, held_up } = await this.repository.contest(tx, candidates);
    if (held_up.size === 0) return this.#store(tx, batch, rows);
    const free = batch.filter(({ candidate }) => !held_up.has(candidate));
    const place = new Map(free.map((submission, index) => [submission, index]));
    const rows_of_free = rows.flatMap((row) => {
      const index = place.get(batch[row.n - 1]!);
      return index === undefined ? [] : [{ ...row, n: index + 1 }];
    });
    const { answers, publish } = await this.#store(tx, free, rows_of_free);
    return { answers: batch.map((submission) => answers[place.get(submission) ?? -1] ?? null), publish };
  }

  async #store(tx: Tx, batch: readonly Submission[], rows: readonly ContestRow[]): Promise<Stored> {
    const judged = judgeInOrder(batch, rows);
    await this.#recordDenials(tx, batch, judged);
    const accepted = batch.filter((_submission, index) => judged[index]!.kind === 'accepted');
    const passed = await this.#passKeys(tx, batch, judged);
    const times = await this.#insert(tx, accepted);
    const submitted = accepted.map(({ job, body }) => {
      const told = { ...job, generation: 0, accepted_at: times.get(job.id)! };
      const events = [submittedEvent(told, body.bytes, body.value as EventSubmission)];
      return { item: submittedItem(job), events };
    });
    const publish = this.queue.tell(tx, [...submitted, ...passed.map((job) => submittedAgain(job, this.config))]);
    const answers = judged.map((judgement, index): Answer => {
      if (judgement.kind !== 'accepted') return { judgement, job: null };
      const { job } = batch[index]!;
      return { judgement, job: { ...job, accepted_at: times.get(job.id)! } };
    });
    return { answers, publish };
  }

  /** The failed jobs whose keys the accepted ones take (ING-3). */
  async #passKeys(tx: Tx, batch: readonly Submission[], judged: readonly Judgement[]): Promise<PassedJob[]> {
    const passes = judged.flatMap((judgement, index) =>
      judgement.kind === 'accepted' && judgement.key_of !== null
        ? [{ job_id: judgement.key_of, successor: batch[index]!.job.id }]
        : [],
    );
    return passes.length === 0 ? [] : this.repository.passKeys(tx, passes);
  }

  /** When each was accepted, by the database's clock; by job. */
  async #insert(tx: Tx, accepted: readonly Submission[]): Promise<Map<string, string>> {
    if (accepted.length === 0) return new Map();
    return this.repository.insertJobs(
      tx,
      accepted.map(({ job }) => job),
      accepted.map(({ body }) => body.bytes),
    );
  }

  /** All that a refusal leaves behind (ING-7). */
  async #recordDenials(tx: Tx, batch: readonly Submission[], judged: readonly Judgement[]): Promise<void> {
    const events = judged.flatMap((judgement, index) => {
      if (judgement.kind !== 'denied') return [];
      const { source, submitted_by, correlation_id, changelist_id, review_version, allow_list_hash } =
        batch[index]!.job;
      const denied_paths = judgement.denied_paths.slice(0, MAX_DENIED_STORED);
      const denied = judgement.denied_paths.length;
      const detail = { changelist_id, review_version, allow_list_hash, denied, denied_paths };
      return [{ code: 'depot_path_not_allowed', source, key_id: submitted_by, correlation_id, detail }];
    });
    if (events.length > 0) await this.repository.insertSecurityEvents(tx, events);
  }
}

/** Refused because another held the locks of its key or changelist until its time was up: nothing of it is stored. */
export const HELD_UP = 'submission_held_up';

function heldUp(): Failure {
  const message = 'another submission or replay of its changelist or key did not come to an end in time';
  return new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code: HELD_UP, retryable: true, message });
}

/** The submission's bytes are not in the item: they stand in `submissions`, from where a crash's successor takes them. */
export function submittedItem(
  job: Pick<NewJob, 'id' | 'source' | 'priority' | 'correlation_id' | 'traceparent'> & { generation?: number },
): NewItem {
  const { id: subject_id, source, generation = 0, priority, correlation_id, traceparent } = job;
  const queue = SUBMITTED_QUEUE;
  return { queue, source, subject_id, generation, priority, phase: 'publish', correlation_id, traceparent };
}

/** Judges a batch in the order in which it came: what is accepted counts for what comes after it. */
function judgeInOrder(batch: readonly Submission[], rows: readonly ContestRow[]): Judgement[] {
  const holders = new Map<string, KeyHolder>();
  const standing = new Map<string, StandingJob[]>();
  // Several candidates of one changelist each bring the same rows: a job counts once.
  const seen = new Set<string>();
  for (const { n, kind, job_id, body_digest, review_version, state, passes_key } of rows) {
    const { candidate } = batch[n - 1]!;
    if (kind === 'holder') holders.set(keyOf(candidate), { job_id, body_digest: body_digest!, passes_key });
    else if (!seen.has(job_id)) {
      seen.add(job_id);
      addTo(standing, changelistOf(candidate), { job_id, review_version, state: state as JobState });
    }
  }
  return batch.map(({ candidate, job }) => {
    const changelist = changelistOf(candidate);
    const judgement = judge(candidate, holders.get(keyOf(candidate)), standing.get(changelist) ?? []);
    if (judgement.kind === 'accepted') {
      holders.set(keyOf(candidate), { job_id: job.id, body_digest: candidate.body_digest, passes_key: false });
      addTo(standing, changelist, { job_id: job.id, review_version: candidate.review_version, state: 'queued' });
    }
    return judgement;
  });
}

function addTo(map: Map<string, StandingJob[]>, key: string, job: StandingJob): void {
  const jobs = map.get(key);
  if (jobs === undefined) map.set(key, [job]);
  else jobs.push(job);
}

/** A space occurs in none of the parts. */
function keyOf({ source, idempotency_key }: Candidate): string {
  return `${source} ${idempotency_key}`;
}

function changelistOf({ source, changelist_id }: Candidate): string {
  return `${source} ${changelist_id}`;
}
