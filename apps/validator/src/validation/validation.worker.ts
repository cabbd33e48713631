import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import type { OutgoingEvent, ReviewSubmitted } from '@assay/contracts';
import { createLog, inSpan } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { judgeSubmission } from '@assay/review-engine';
import type { Policy } from '@assay/review-engine';
import { WorkQueue } from '@assay/work-queue';
import type {
  DeadUnit,
  DelayedUnit,
  DoneUnit,
  EventsByItem,
  Settle,
  Unit,
  Worker,
  WorkHandler,
  WorkItem,
} from '@assay/work-queue';
import { POLICY, VALIDATOR_CONFIG } from '../validator.config.js';
import type { ValidatorConfig } from '../validator.config.js';
import { delayedEvent, exhaustedEvent, rejectedData, storedEvents, validatedData } from './validation-events.js';
import type { StoredValidation } from './validation-events.js';
import { countVerdict } from './validation.metrics.js';
import { ValidationRepository } from './validation.repository.js';
import type { NewValidation } from './validation.repository.js';

export const VALIDATE_QUEUE = 'validate';

const log = createLog('validator.validation', ['review_rejected', 'reason_code']);

/** A submission as its event told it. */
export interface SubmissionBody {
  data: ReviewSubmitted;
  bytes: Buffer;
}

/** The queue `validate`: judges submissions, stores the result and tells of it (VAL-1 to VAL-10). */
@Injectable()
export class ValidationWorker implements WorkHandler<SubmissionBody, NewValidation>, OnModuleInit {
  readonly queue = VALIDATE_QUEUE;
  readonly stage = 'validate';
  #worker: Worker<SubmissionBody> | undefined;

  constructor(
    @Inject(WorkQueue) private readonly workQueue: WorkQueue,
    @Inject(Database) private readonly database: Database,
    @Inject(ValidationRepository) private readonly repository: ValidationRepository,
    @Inject(POLICY) private readonly policy: Policy,
    @Inject(VALIDATOR_CONFIG) private readonly config: ValidatorConfig,
  ) {}

  onModuleInit(): void {
    const { validate_slots: slots, validate_batch: batch } = this.config;
    this.#worker = this.workQueue.worker(this, { slots, batch });
  }

  get worker(): Worker<SubmissionBody> {
    if (this.#worker === undefined) throw new Error('the validation worker is asked for before its module has started');
    return this.#worker;
  }

  load(items: readonly WorkItem[]): Promise<Map<string, SubmissionBody>> {
    const bodies = new Map<string, SubmissionBody>();
    for (const { id, payload } of items) {
      if (payload === null) continue;
      bodies.set(id, { data: JSON.parse(payload.toString('utf8')) as ReviewSubmitted, bytes: payload });
    }
    return Promise.resolve(bodies);
  }

  async perform(units: readonly Unit<SubmissionBody>[], settle: Settle<SubmissionBody, NewValidation>): Promise<void> {
    const links = units.map(({ item }) => item.traceparent);
    await inSpan('validate', { kind: 'INTERNAL', parent: null, links }, async () => {
      const validated_at = await this.database.now();
      for (const unit of units) settle(unit, { kind: 'done', result: this.#judge(unit, validated_at) });
    });
  }

  /** A result that another run has stored meanwhile stands; it is what is told (GEN-2). */
  async store(tx: Tx, done: readonly DoneUnit<SubmissionBody, NewValidation>[]): Promise<EventsByItem> {
    const results = done.map(({ result }) => result);
    const stored = await this.repository.store(tx, results);
    const events: EventsByItem = new Map();
    const known: WorkItem[] = [];
    for (const { unit, result } of done) {
      if (!stored.has(`${result.data.job_id}:${result.data.generation}`)) known.push(unit.item);
      else events.set(unit.item.id, storedEvents(asStored(result)));
    }
    if (known.length > 0) await this.#addStored(tx, known, events);
    return events;
  }

  async delayed(tx: Tx, units: readonly DelayedUnit<SubmissionBody>[]): Promise<OutgoingEvent[]> {
    const [row] = await tx.query<{ now: string }>('SELECT clock_timestamp() AS now');
    return units.map((unit) => delayedEvent(unit, row!.now));
  }

  deadLettered(_tx: Tx, units: readonly DeadUnit<SubmissionBody>[]): Promise<EventsByItem> {
    return Promise.resolve(new Map(units.map((dead) => [dead.unit.item.id, [exhaustedEvent(dead)]])));
  }

  async events(items: readonly WorkItem[]): Promise<EventsByItem> {
    const events: EventsByItem = new Map();
    await this.#addStored(this.database, items, events);
    return events;
  }

  async #addStored(on: Tx, items: readonly WorkItem[], events: EventsByItem): Promise<void> {
    const rows = await this.repository.load(on, items);
    const byKey = new Map(rows.map((row) => [`${row.job_id}:${row.generation}`, row]));
    for (const item of items) {
      const row = byKey.get(`${item.subject_id}:${item.generation}`);
      if (row !== undefined) events.set(item.id, storedEvents(row));
    }
  }

  #judge({ item, body }: Unit<SubmissionBody>, occurred_at: string): NewValidation {
    const { data } = body;
    const { list } = this.config.allow_list;
    const rules = { policy: this.policy, allow_list: list, source: data.source };
    const judgement = judgeSubmission(data.submission, rules);
    const { verdict } = judgement;
    // Every failed attempt has told of itself under its own number: the verdict stands above them all.
    const at = { revision: item.attempts + 1, occurred_at, judged_by: list.hash };
    countVerdict(verdict);
    report(data, judgement.verdict);
    return {
      ...{ data, verdict, revision: at.revision, validated_at: occurred_at, judged_by: list.hash },
      traceparent: item.traceparent,
      event: validatedData(data, verdict, at),
      diagnostics: Buffer.from(JSON.stringify(verdict.diagnostics)),
      dead_letter: verdict.outcome === 'rejected' ? rejectedData(body, judgement, at) : null,
    };
  }
}

/** One line per job and code, with its count (GEN-6). */
function report(data: ReviewSubmitted, { outcome, rejection, counts }: NewValidation['verdict']): void {
  const { job_id, correlation_id } = data;
  if (outcome === 'rejected') log.warn('review_rejected', { job_id, correlation_id, ...rejection });
  for (const [code, count] of Object.entries(counts.by_code)) {
    log.info('reason_code', { job_id, correlation_id, code, count });
  }
}

function asStored(result: NewValidation): StoredValidation {
  const { job_id, generation, source, changelist_id, correlation_id } = result.data;
  const { revision, traceparent, validated_at, event, dead_letter } = result;
  return {
    job_id,
    generation,
    source,
    changelist_id,
    correlation_id,
    revision,
    traceparent,
    validated_at,
    event,
    dead_letter,
  };
}
