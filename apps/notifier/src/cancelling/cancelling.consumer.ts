import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ReceivedEvent, ReviewCancelled } from '@assay/contracts';
import { CancellingService } from './cancelling.service.js';

/** What callers have cancelled, by way of ingest. */
@Controller()
export class CancellingConsumer {
  constructor(@Inject(CancellingService) private readonly cancelling: CancellingService) {}

  @EventPattern<string>('review.cancelled')
  onCancelled(@Payload() events: ReceivedEvent<ReviewCancelled>[], @Ctx() _batch: unknown): Promise<void> {
    return this.cancelling.take(events);
  }
}
