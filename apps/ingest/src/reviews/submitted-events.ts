import { Inject, Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { WorkQueue } from '@assay/work-queue';
import type { EventsByItem, WorkItem } from '@assay/work-queue';
import { SUBMITTED_QUEUE } from './acceptance.service.js';
import { JobsRepository } from './jobs.repository.js';
import { submittedEvent } from './submitted-event.js';

/** Builds `review.submitted` again from what is stored: after a crash, an outage of Kafka, or for a forgotten job. */
@Injectable()
export class SubmittedEvents implements OnModuleInit {
  constructor(
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(JobsRepository) private readonly jobs: JobsRepository,
  ) {}

  onModuleInit(): void {
    this.queue.eventsOf(SUBMITTED_QUEUE, {
      bytesOf: (items) => this.#bytesOf(items),
      eventsOf: (items) => this.rebuild(items),
    });
  }

  async #bytesOf(items: readonly WorkItem[]): Promise<Map<string, number>> {
    const sizes = await this.jobs.submittedBytes(items.map(({ subject_id }) => subject_id));
    return new Map(items.map(({ id, subject_id }) => [id, sizes.get(subject_id) ?? 0]));
  }

  /** An item whose job is gone has nothing left to say. */
  async rebuild(items: readonly WorkItem[]): Promise<EventsByItem> {
    const rows = await this.jobs.submitted(items.map(({ subject_id }) => subject_id));
    const jobs = new Map(rows.map((row) => [row.id, row]));
    const events: EventsByItem = new Map();
    for (const item of items) {
      const job = jobs.get(item.subject_id);
      if (job === undefined) continue;
      events.set(item.id, [submittedEvent({ ...job, generation: item.generation }, job.bytes)]);
    }
    return events;
  }
}
