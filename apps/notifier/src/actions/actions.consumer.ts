import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ActionRequested, ReceivedEvent } from '@assay/contracts';
import { ActionsService } from './actions.service.js';

/** What operators ask of deliveries that have not failed. */
@Controller()
export class ActionsConsumer {
  constructor(@Inject(ActionsService) private readonly actions: ActionsService) {}

  @EventPattern<string>('action.requested')
  onRequested(@Payload() events: ReceivedEvent<ActionRequested>[], @Ctx() _batch: unknown): Promise<void> {
    return this.actions.take(events);
  }
}
