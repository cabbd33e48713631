import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ReceivedEvent, ReplayAccepted } from '@assay/contracts';
import { CorrectionsService } from './corrections.service.js';

/** What operators ask of deliveries, once ingest has begun a new generation for it. */
@Controller()
export class CorrectionsConsumer {
  constructor(@Inject(CorrectionsService) private readonly corrections: CorrectionsService) {}

  @EventPattern<string>('replay.accepted')
  onReplayAccepted(@Payload() events: ReceivedEvent<ReplayAccepted>[], @Ctx() _batch: unknown): Promise<void> {
    return this.corrections.take(events);
  }
}
