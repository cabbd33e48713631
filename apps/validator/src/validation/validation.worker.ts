import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import type { OutgoingEvent, ReviewSubmitted } from '@assay/contracts';
import { inSpan } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import type {
  DeadUnit,
  DelayedUnit,
  DoneUnit,
  EventsByItem,
  EventSource,
  Settle,
  Unit,
  Worker,
  WorkHandler,
  WorkItem,
} from '@assay/work-queue';
import { VALIDATOR_CONFIG } from '../validator.config.js';
import type { ValidatorConfig } from '../validator.config.js';
import { report, SubmissionJudge } from './submission-judge.js';
import type { SubmissionBody } from './submission-judge.js';
import { asStored, delayedEvent, exhaustedEvent, storedEvents } from './validation-events.js';
import { ValidationRepository } from './validation.repository.js';
import type { NewValidation } from './validation.repository.js';

export const VALIDATE_QUEUE = 'validate';

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
    @Inject(SubmissionJudge) private readonly judge: SubmissionJudge,
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
      for (const unit of units) {
        const { attempts: failed_attempts, traceparent } = unit.item;
        const result = this.judge.judge(unit.body, { failed_attempts, occurred_at: validated_at, traceparent });
        report(result);
        settle(unit, { kind: 'done', result });
      }
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

  readonly rebuilt: EventSource = {
    bytesOf: async (items) => {
      const sizes = await this.repository.sizes(items);
      return new Map(items.map((item) => [item.id, sizes.get(keyOf(item)) ?? 0]));
    },
    eventsOf: async (items) => {
      const events: EventsByItem = new Map();
      await this.#addStored(this.database, items, events);
      return events;
    },
  };

  async #addStored(on: Tx, items: readonly WorkItem[], events: EventsByItem): Promise<void> {
    const rows = await this.repository.load(on, items);
    const byKey = new Map(rows.map((row) => [`${row.job_id}:${row.generation}`, row]));
    for (const item of items) {
      const row = byKey.get(keyOf(item));
      if (row !== undefined) events.set(item.id, storedEvents(row));
    }
  }
}

function keyOf({ subject_id, generation }: Pick<WorkItem, 'subject_id' | 'generation'>): string {
  return `${subject_id}:${generation}`;
}
