import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ReceivedEvent, ReviewSubmitted } from '@assay/contracts';
import { IntakeService } from './intake.service.js';

@Controller()
export class IntakeConsumer {
  constructor(@Inject(IntakeService) private readonly intake: IntakeService) {}

  @EventPattern<string>('review.submitted')
  onSubmitted(@Payload() events: ReceivedEvent<ReviewSubmitted>[], @Ctx() _batch: unknown): Promise<void> {
    return this.intake.take(events);
  }
}
