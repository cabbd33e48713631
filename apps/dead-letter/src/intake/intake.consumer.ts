import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { DeliverySettled, ReceivedEvent, ReviewValidated, StageDeadLettered } from '@assay/contracts';
import { ONLY_REPLAYED } from '@assay/messaging';
import { IntakeService } from './intake.service.js';
import { failureOf, passedStages, settlementsOf } from './news.js';

/**
 * What the other services tell of failures and of what has ended well. Of `review.validated` only what a replay brought
 * about, told by the headers: reading all of it costs 50 µs a review (25 findings, 2026-11-23) in the process alone.
 */
@Controller()
export class IntakeConsumer {
  constructor(@Inject(IntakeService) private readonly intake: IntakeService) {}

  @EventPattern<string>('stage.dead_lettered')
  onDeadLettered(@Payload() events: ReceivedEvent<StageDeadLettered>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.fail(events.map(failureOf));
  }

  @EventPattern<string>('delivery.settled')
  onDeliverySettled(@Payload() events: ReceivedEvent<DeliverySettled>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.settle(events.flatMap(settlementsOf));
  }

  @EventPattern<string>('review.validated', ONLY_REPLAYED)
  onValidated(@Payload() events: ReceivedEvent<ReviewValidated>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.settle(events.flatMap(passedStages));
  }
}
