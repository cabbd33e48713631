import { Inject, Injectable } from '@nestjs/common';
import { Problem, UUID } from '@assay/contracts';
import { TopicCheck } from '@assay/messaging';
import { currentContext } from '@assay/observability';
import type { Principal } from '@assay/security';
import type { JsonBody } from '@assay/service';
import { deniedProblem, readSubmission } from '@assay/submission';
import { v7 } from 'uuid';
import { INGEST_CONFIG } from '../ingest.config.js';
import type { IngestConfig } from '../ingest.config.js';
import { AcceptanceService } from './acceptance.service.js';
import type { Answer, Submission } from './acceptance.service.js';
import { Backlog } from './backlog.js';
import { submissionDigest } from './body-digest.js';
import { Deadline } from './deadline.js';
import { jobPath, jobView, timelineView, waitOf } from './job.js';
import type { JobDetail, JobRow, JobView } from './job.js';
import { JobsRepository } from './jobs.repository.js';
import { JobWatch } from './job-watch.js';
import { instantFrom } from './instant.js';
import { badQuery, decodeCursor, encodeCursor } from './list-cursor.js';
import type { ReviewListQuery } from './review-queries.js';
import { headBytes } from './submitted-event.js';
import { throwUnconfirmed } from './unconfirmed.js';

/** How a submission is answered (ING-2 to 4); refusals are thrown as problems. */
export interface SubmitAnswer {
  status: 200 | 202;
  replayed: boolean;
  view: JobView & { outcome: 'accepted' | 'replayed' | 'already_succeeded' };
}

const DEFAULT_PAGE = 50;

@Injectable()
export class ReviewsService {
  constructor(
    @Inject(AcceptanceService) private readonly acceptance: AcceptanceService,
    @Inject(JobsRepository) private readonly jobs: JobsRepository,
    @Inject(JobWatch) private readonly watch: JobWatch,
    @Inject(Backlog) private readonly backlog: Backlog,
    @Inject(TopicCheck) private readonly topics: TopicCheck,
    @Inject(INGEST_CONFIG) private readonly config: IngestConfig,
  ) {}

  async submit(principal: Principal, body: JsonBody, header_key: string | undefined): Promise<SubmitAnswer> {
    const submission = this.#read(principal, body, header_key);
    this.#assertTravels(submission);
    this.backlog.admit();
    return this.#accept(principal, submission).catch(throwUnconfirmed);
  }

  /** A job with its timeline; waits for its end first if asked to. */
  async get(principal: Principal, job_id: string, wait_ms: number): Promise<JobDetail> {
    if (!UUID.test(job_id)) throw new Problem('not_found');
    if (wait_ms > 0) await this.#untilSettled(principal, job_id, wait_ms);
    const found = await this.jobs.withTimeline(job_id, principal.sources);
    if (found === null) throw new Problem('not_found');
    const { job, rows } = found;
    const timeline = timelineView(job, rows);
    return { ...jobView(job, this.config), waits: waitOf(job, timeline), timeline };
  }

  async list(principal: Principal, query: ReviewListQuery): Promise<{ items: JobView[]; next_cursor: string | null }> {
    const limit = Number(query.limit ?? DEFAULT_PAGE);
    const { changelist_id, state, cursor } = query;
    const created_after = query.created_after === undefined ? undefined : instantFrom(query.created_after);
    if (created_after === null) throw badQuery('created_after', 'must be an RFC 3339 time');
    const rows = await this.jobs.list({
      ...{ sources: principal.sources, changelist_id, state, created_after },
      before: cursor === undefined ? undefined : decodeCursor(cursor),
      limit: limit + 1,
    });
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      items: page.map((row) => jobView(row, this.config)),
      next_cursor: last ? encodeCursor({ accepted_at: last.cursor_at, id: last.id }) : null,
    };
  }

  async #accept(principal: Principal, submission: Submission): Promise<SubmitAnswer> {
    const deadline = new Deadline(this.config.accept_timeout_ms);
    const { judgement, job } = await this.acceptance.submit(submission, deadline);
    if (judgement.kind === 'accepted') {
      return { status: 202, replayed: false, view: { ...jobView(newJobRow(job!), this.config), outcome: 'accepted' } };
    }
    if (judgement.kind === 'denied') throw deniedProblem(judgement.denied_paths);
    const known = await this.jobs.find(judgement.job_id, [principal.source], deadline.leftMs());
    if (known === null) throw new Error(`job ${judgement.job_id} was judged by and is gone`);
    const view = jobView(known, this.config);
    const { kind } = judgement;
    if (kind === 'replayed' || kind === 'already_succeeded') {
      return { status: 200, replayed: kind === 'replayed', view: { ...view, outcome: kind } };
    }
    const code = kind === 'key_reused' ? 'idempotency_key_reused' : kind;
    throw new Problem(code, {
      ...(kind === 'key_reused' && { detail: howToGoOn(known) }),
      headers: { location: jobPath(known.id) },
      extensions: { job_id: known.id, job: view },
    });
  }

  /** What Kafka would refuse is refused here, while its sender can still do something about it (OPS-6). */
  #assertTravels({ job, body }: Submission): void {
    const limit = this.topics.dataLimit('review.submitted') - headBytes(job);
    if (body.bytes.length <= limit) return;
    throw new Problem('payload_too_large', {
      detail: `A body of at most ${limit} bytes can be passed on: the topic of submissions takes no more (max.message.bytes)`,
    });
  }

  #read(principal: Principal, body: JsonBody, header_key: string | undefined): Submission {
    const given = { value: body.value, bytes: body.bytes.length, header_key };
    const shape = readSubmission(given, { max_result_bytes: this.config.review_result_limit_bytes });
    const { list } = this.config.allow_list;
    const { correlation_id, traceparent } = currentContext();
    const { idempotency_key, changelist_id, review_version, rerun, priority, recipients } = shape;
    const body_digest = submissionDigest(shape).toString('hex');
    const common = {
      ...{ source: principal.source, idempotency_key, body_digest, changelist_id, review_version, rerun },
    };
    return {
      candidate: { ...common, denied_paths: list.denied(shape) },
      job: {
        ...{ ...common, id: v7(), body_bytes: body.bytes.length, priority, recipients },
        ...{ allow_list_hash: list.hash, submitted_by: principal.key_id, correlation_id, traceparent },
      },
      body,
    };
  }

  /** Another source's job is answered as if it were not there (SEC-6). */
  async #untilSettled(principal: Principal, job_id: string, wait_ms: number): Promise<void> {
    const job = await this.jobs.find(job_id, principal.sources);
    if (job?.settled_at === null) await this.watch.untilSettled(job_id, wait_ms);
  }
}

function newJobRow(job: NonNullable<Answer['job']>): JobRow {
  const untold = { settled_at: null, counts: null, versions: null, reading: null, truncated: null, deliveries: null };
  return { ...job, ...untold, state: 'queued', generation: 0 };
}

/** What to do about a key that stands for another body (ING-3). */
function howToGoOn({ changelist_id, review_version }: JobRow): string {
  return (
    `The key stands for version ${review_version} of changelist ${changelist_id}, with another body. ` +
    'Send this body under a new key; other findings of the same changelist, moreover, as review_version ' +
    `${review_version + 1} with rerun: true.`
  );
}
