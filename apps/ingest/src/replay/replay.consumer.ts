import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ReceivedEvent, ReplayRequested } from '@assay/contracts';
import { ReplayService } from './replay.service.js';

/** What operators ask for, by way of dead-letter. */
@Controller()
export class ReplayConsumer {
  constructor(@Inject(ReplayService) private readonly replays: ReplayService) {}

  @EventPattern<string>('replay.requested')
  onRequested(@Payload() events: ReceivedEvent<ReplayRequested>[], @Ctx() _batch: unknown): Promise<void> {
    return this.replays.decide(events);
  }
}
