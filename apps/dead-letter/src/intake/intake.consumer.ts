import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { DeliverySettled, ReceivedEvent, ReviewValidated, StageDeadLettered } from '@assay/contracts';
import { IntakeService } from './intake.service.js';
import { failureOf, settlementsOf, settlementsOfValidated } from './news.js';

/** What the other services tell of failures and of what has ended well. */
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

  @EventPattern<string>('review.validated')
  onValidated(@Payload() events: ReceivedEvent<ReviewValidated>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.settle(events.flatMap(settlementsOfValidated));
  }
}
