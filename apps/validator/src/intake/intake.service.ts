import { Inject, Injectable } from '@nestjs/common';
import type { ReceivedEvent, ReviewSubmitted } from '@assay/contracts';
import { counter } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { WorkQueue } from '@assay/work-queue';
import type { NewItem, WorkItem } from '@assay/work-queue';
import { VALIDATE_QUEUE, ValidationWorker } from '../validation/index.js';
import { IntakeRepository, keyOf } from './intake.repository.js';

type Submitted = ReceivedEvent<ReviewSubmitted>;

const received = counter(
  'assay_submissions_received_total',
  'Submissions by how they were taken: new, again, under_way',
);

interface Taken {
  fresh: { event: Submitted; item: WorkItem }[];
  republished: number;
  under_way: number;
}

/** Takes batches of submissions: the inbox row and the work item in one transaction, then the work (WQ-2). */
@Injectable()
export class IntakeService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(IntakeRepository) private readonly repository: IntakeRepository,
    @Inject(ValidationWorker) private readonly validation: ValidationWorker,
  ) {}

  /** The same batch again publishes what is stored of it, and computes nothing (GEN-2). */
  async take(batch: readonly Submitted[]): Promise<void> {
    const events = [...new Map(batch.map((event) => [keyOf(event.data), event])).values()];
    const { worker } = this.validation;
    const permits = worker.reserve(events.length);
    let taken: Taken;
    try {
      taken = await this.database.transaction((tx) => this.#store(tx, events, permits));
    } catch (error) {
      worker.release(permits);
      throw error;
    }
    const born = taken.fresh.slice(0, permits);
    worker.release(permits - born.length);
    worker.accept(born.map(({ event, item }) => ({ item, body: { data: event.data, bytes: event.bytes } })));
    if (taken.fresh.length > born.length) worker.notify();
    if (taken.republished > 0) this.queue.notify();
    received.add(taken.fresh.length, { way: 'new' });
    received.add(taken.republished, { way: 'again' });
    received.add(taken.under_way, { way: 'under_way' });
  }

  async #store(tx: Tx, events: readonly Submitted[], permits: number): Promise<Taken> {
    const unknown = await this.repository.note(
      tx,
      events.map(({ data }) => data),
    );
    const known = events.filter(({ data }) => !unknown.has(keyOf(data)));
    const validated = await this.repository.validated(
      tx,
      known.map(({ data }) => data),
    );
    const again = known.filter(({ data }) => validated.has(keyOf(data)));
    const fresh = events.filter(({ data }) => unknown.has(keyOf(data)));
    const items = await this.queue.insert(tx, fresh.map(toWork), { claimed: Math.min(permits, fresh.length) });
    await this.queue.insert(tx, again.map(toPublish));
    return {
      fresh: fresh.map((event, index) => ({ event, item: items[index]! })),
      republished: again.length,
      under_way: known.length - again.length,
    };
  }
}

/** The item holds the submission: Kafka will not give it a second time, and nothing else here has it. */
function toWork({ data, bytes, correlation_id, traceparent }: Submitted): NewItem {
  const { job_id, generation, priority } = data;
  const about = { queue: VALIDATE_QUEUE, subject_id: job_id, generation, priority, correlation_id, traceparent };
  return { ...about, phase: 'work', payload: bytes };
}

function toPublish({ data, correlation_id, traceparent }: Submitted): NewItem {
  const { job_id, generation, priority } = data;
  const about = { queue: VALIDATE_QUEUE, subject_id: job_id, generation, priority, correlation_id, traceparent };
  return { ...about, phase: 'publish' };
}
