import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { ReceivedEvent, ReplayAccepted, ReplayRefused } from '@assay/contracts';
import { AnswersService } from './answers.service.js';

/** What ingest tells of replays. */
@Controller()
export class AnswersConsumer {
  constructor(@Inject(AnswersService) private readonly answers: AnswersService) {}

  @EventPattern<string>('replay.accepted')
  onAccepted(@Payload() events: ReceivedEvent<ReplayAccepted>[], @Ctx() _batch: unknown): Promise<void> {
    return this.answers.accepted(events.map(({ data }) => data));
  }

  @EventPattern<string>('replay.refused')
  onRefused(@Payload() events: ReceivedEvent<ReplayRefused>[], @Ctx() _batch: unknown): Promise<void> {
    return this.answers.refused(events.map(({ data }) => data));
  }
}
