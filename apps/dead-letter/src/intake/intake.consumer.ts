import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type {
  DeliverySettled,
  ReceivedEvent,
  ReviewSettled,
  StageDeadLettered,
  StageRecovered,
} from '@assay/contracts';
import { beyond } from '@assay/messaging';
import { ReplayRepository } from '../replay/index.js';
import { IntakeService } from './intake.service.js';
import { failureOf, lateEndOf, recoveryOf, settlementsOf, stagesPassedBefore, USUAL_END } from './news.js';

/**
 * What the other services tell of failures and of what has ended well. Not `review.validated`: that a replayed job has
 * passed validation shows in what the notifier says of its generation, and reading those large records only to pass
 * them over by their headers cost 100 µs a review in this process alone (25 findings, 2026-11-24).
 */
@Controller()
export class IntakeConsumer {
  constructor(
    @Inject(IntakeService) private readonly intake: IntakeService,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
  ) {}

  @EventPattern<string>('stage.dead_lettered')
  async onDeadLettered(@Payload() events: ReceivedEvent<StageDeadLettered>[], @Ctx() _batch: unknown): Promise<void> {
    await this.intake.fail(events.map(failureOf));
    await this.intake.settle(events.flatMap(stagesPassedBefore));
  }

  @EventPattern<string>('delivery.settled')
  onDeliverySettled(@Payload() events: ReceivedEvent<DeliverySettled>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.settle(events.flatMap(settlementsOf));
  }

  @EventPattern<string>('stage.recovered')
  onRecovered(@Payload() events: ReceivedEvent<StageRecovered>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.settle(events.map(recoveryOf));
  }

  /** Of replayed jobs, and of those that were given up: known by the headers. */
  @EventPattern<string>('review.settled', beyond(USUAL_END))
  async onReviewSettled(@Payload() events: ReceivedEvent<ReviewSettled>[], @Ctx() _batch: unknown): Promise<void> {
    await this.intake.settle(events.flatMap(lateEndOf));
    await this.replays.settleJobs(events.map(({ data: { job_id, generation } }) => ({ job_id, generation })));
  }
}
