import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ReceivedEvent, ReplayAccepted, ReplayRefused, ReviewSettled } from '@assay/contracts';
import { ONLY_REPLAYED } from '@assay/messaging';
import { AnswersService } from './answers.service.js';
import { ReplayRepository } from './replay.repository.js';

/** What ingest tells of replays. Of `review.settled` only that of replayed jobs, known by its headers. */
@Controller()
export class AnswersConsumer {
  constructor(
    @Inject(AnswersService) private readonly answers: AnswersService,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
  ) {}

  @EventPattern<string>('replay.accepted')
  onAccepted(@Payload() events: ReceivedEvent<ReplayAccepted>[], @Ctx() _batch: unknown): Promise<void> {
    return this.answers.accepted(events.map(({ data }) => data));
  }

  @EventPattern<string>('replay.refused')
  onRefused(@Payload() events: ReceivedEvent<ReplayRefused>[], @Ctx() _batch: unknown): Promise<void> {
    return this.answers.refused(events.map(({ data }) => data));
  }

  @EventPattern<string>('review.settled', ONLY_REPLAYED)
  onReviewSettled(@Payload() events: ReceivedEvent<ReviewSettled>[], @Ctx() _batch: unknown): Promise<void> {
    return this.replays.settleJobs(events.map(({ data: { job_id, generation } }) => ({ job_id, generation })));
  }
}
