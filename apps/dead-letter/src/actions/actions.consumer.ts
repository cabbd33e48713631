import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ActionAnswered, ReceivedEvent } from '@assay/contracts';
import { ActionsService } from './actions.service.js';

/** What the owner of deliveries tells of operators' acts. */
@Controller()
export class ActionsConsumer {
  constructor(@Inject(ActionsService) private readonly actions: ActionsService) {}

  @EventPattern<string>('action.answered')
  onAnswered(@Payload() events: ReceivedEvent<ActionAnswered>[], @Ctx() _batch: unknown): Promise<void> {
    return this.actions.answered(events.map(({ data }) => data));
  }
}
