import { Inject, Injectable } from '@nestjs/common';
import type { ReceivedEvent, ReviewSubmitted } from '@assay/contracts';
import { counter, createLog, inSpan } from '@assay/observability';
import type { SpanSettings } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { fitting, WorkQueue } from '@assay/work-queue';
import type { NewItem, Permits, Unit } from '@assay/work-queue';
import {
  asStored,
  report,
  storedEvents,
  SubmissionJudge,
  VALIDATE_QUEUE,
  ValidationRepository,
  ValidationWorker,
} from '../validation/index.js';
import type { NewValidation, SubmissionBody } from '../validation/index.js';
import { IntakeRepository, keyOf } from './intake.repository.js';

type Submitted = ReceivedEvent<ReviewSubmitted>;

const log = createLog('validator.intake', ['left_to_the_queue']);
const received = counter(
  'assay_submissions_received_total',
  'Submissions by how they were taken: judged, queued, again, under_way',
);

interface Judged {
  event: Submitted;
  result: NewValidation;
}

interface Taken {
  judged: NewValidation[];
  publish: () => void;
  /** Made items with their bodies, the first `claimed` of them born claimed. */
  work: Unit<SubmissionBody>[];
  claimed: number;
  republished: number;
  under_way: number;
}

interface StoredResults extends Pick<Taken, 'judged' | 'publish'> {
  standing: Submitted[];
}

/**
 * Takes batches of submissions. Judging is some 100 µs of pure computation, so the usual submission is judged in the
 * transaction that takes it: one commit instead of two, and its body is not stored a second time (43 instead of 54 KB of
 * WAL a review through the whole pipeline, 25 findings, 2026-11-24).
 *
 * A submission that may have been handed over before becomes an item with its body and is judged from that. Were it
 * what ended the last process, its item's third crash would end it (WQ-4); judged here it would end one process after
 * the other. What fails here goes the same way, for attempts and dead letters are the queue's.
 */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(IntakeRepository) private readonly repository: IntakeRepository,
    @Inject(ValidationRepository) private readonly validations: ValidationRepository,
    @Inject(ValidationWorker) private readonly validation: ValidationWorker,
    @Inject(SubmissionJudge) private readonly judge: SubmissionJudge,
  ) {}

  /** The same batch again publishes what is stored of it, and computes nothing (GEN-2). */
  async take(batch: readonly Submitted[]): Promise<void> {
    const events = [...new Map(batch.map((event) => [keyOf(event.data), event])).values()];
    const { worker } = this.validation;
    const redelivered = events.filter((event) => event.possibly_redelivered);
    const permits = worker.reserve(redelivered.length, bytesOf(redelivered));
    let unused = permits;
    try {
      const taken = await inSpan('validate', spanOf(events), () =>
        this.database.transaction((tx) => this.#store(tx, events, permits)),
      );
      const claimed = taken.work.slice(0, taken.claimed);
      unused = {
        items: permits.items - claimed.length,
        bytes: permits.bytes - bytesOf(claimed.map(({ body }) => body)),
      };
      worker.accept(claimed);
      if (claimed.length < taken.work.length) worker.notify();
      taken.publish();
      if (taken.republished > 0) this.queue.notify();
      this.#report(taken);
    } finally {
      worker.release(unused);
    }
  }

  async #store(tx: Tx, events: readonly Submitted[], permits: Permits): Promise<Taken> {
    const noted = await this.repository.note(
      tx,
      events.map(({ data }) => data),
    );
    const known = events.filter(({ data }) => !noted.has(keyOf(data)));
    const validated = await this.repository.validated(
      tx,
      known.map(({ data }) => data),
    );
    const { judged, left } = this.#judge(events, noted);
    const { standing, ...stored } = await this.#storeJudged(tx, judged);
    const again = [...known.filter(({ data }) => validated.has(keyOf(data))), ...standing];
    const sizes = left.slice(0, permits.items).map(({ bytes }) => bytes.length);
    const claimed = fitting(sizes, permits.bytes);
    const items = this.queue.insert(tx, left.map(toWork), { claimed });
    this.queue.insert(tx, again.map(toPublish));
    return {
      ...stored,
      work: items.map((item, index) => ({ item, body: bodyOf(left[index]!) })),
      claimed,
      republished: again.length,
      under_way: known.length + standing.length - again.length,
    };
  }

  #judge(events: readonly Submitted[], noted: ReadonlyMap<string, string>) {
    const judged: Judged[] = [];
    const left: Submitted[] = [];
    for (const event of events) {
      const occurred_at = noted.get(keyOf(event.data));
      if (occurred_at === undefined) continue;
      const result = event.possibly_redelivered ? null : this.#judgeOrLeave(event, occurred_at);
      if (result === null) left.push(event);
      else judged.push({ event, result });
    }
    return { judged, left };
  }

  #judgeOrLeave(event: Submitted, occurred_at: string): NewValidation | null {
    try {
      const { traceparent } = event;
      return this.judge.judge(bodyOf(event), { failed_attempts: 0, occurred_at, traceparent });
    } catch (error) {
      log.error('left_to_the_queue', { job_id: event.data.job_id, correlation_id: event.correlation_id }, error);
      return null;
    }
  }

  /** A result that another run has stored stands, and is what is told (GEN-2). */
  async #storeJudged(tx: Tx, all: readonly Judged[]): Promise<StoredResults> {
    if (all.length === 0) return { judged: [], publish: () => undefined, standing: [] };
    const stored = await this.validations.store(
      tx,
      all.map(({ result }) => result),
    );
    const judged = all.filter(({ event }) => stored.has(keyOf(event.data)));
    const standing = all.filter(({ event }) => !stored.has(keyOf(event.data))).map(({ event }) => event);
    const publish = this.queue.tell(
      tx,
      judged.map(({ event, result }) => ({ item: toPublish(event), events: storedEvents(asStored(result)) })),
    );
    return { judged: judged.map(({ result }) => result), publish, standing };
  }

  #report({ judged, work, republished, under_way }: Taken): void {
    for (const result of judged) report(result);
    received.add(judged.length, { way: 'judged' });
    received.add(work.length, { way: 'queued' });
    received.add(republished, { way: 'again' });
    received.add(under_way, { way: 'under_way' });
  }
}

function spanOf(events: readonly Submitted[]): SpanSettings {
  return { kind: 'INTERNAL', parent: null, links: events.map(({ traceparent }) => traceparent) };
}

function bytesOf(bodies: readonly { bytes: Buffer }[]): number {
  return bodies.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

function bodyOf({ data, bytes }: Submitted): SubmissionBody {
  return { data, bytes };
}

/** The item holds the submission: Kafka will not give it a second time, and nothing else here has it. */
function toWork(event: Submitted): NewItem {
  return { ...aboutItem(event), phase: 'work', payload: event.bytes };
}

/** Its events are rebuilt from the stored result. */
function toPublish(event: Submitted): NewItem {
  return { ...aboutItem(event), phase: 'publish' };
}

function aboutItem({ data, correlation_id, traceparent }: Submitted): Omit<NewItem, 'phase'> {
  const { job_id, source, generation, priority } = data;
  return { queue: VALIDATE_QUEUE, source, subject_id: job_id, generation, priority, correlation_id, traceparent };
}
