import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ReceivedEvent, ReviewValidated } from '@assay/contracts';
import { IntakeService } from './intake.service.js';

/** What the validator has judged. */
@Controller()
export class IntakeConsumer {
  constructor(@Inject(IntakeService) private readonly intake: IntakeService) {}

  @EventPattern<string>('review.validated')
  onValidated(@Payload() events: ReceivedEvent<ReviewValidated>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.take(events);
  }
}
