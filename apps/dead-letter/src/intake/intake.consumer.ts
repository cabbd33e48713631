import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { DeliverySettled, ReceivedEvent, StageDeadLettered } from '@assay/contracts';
import { IntakeService } from './intake.service.js';
import { failureOf, settlementsOf } from './news.js';

/**
 * What the other services tell of failures and of what has ended well. Not `review.validated`: it can end a dead letter
 * only after a replay, and reading it costs 50 µs a review (25 findings, 2026-11-23) in the process alone.
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
}
