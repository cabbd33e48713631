import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type {
  DeliverySettled,
  ReceivedEvent,
  ReviewValidated,
  StageDeadLettered,
  StageDelayed,
} from '@assay/contracts';
import { newsOfDeadLettered, newsOfDelayed, newsOfSettled, newsOfValidated } from './news.js';
import type { News } from './news.js';
import { ProgressService } from './progress.service.js';

/** What the other stages tell of jobs. */
@Controller()
export class ProgressConsumer {
  constructor(@Inject(ProgressService) private readonly progress: ProgressService) {}

  @EventPattern<string>('review.validated')
  onValidated(@Payload() events: ReceivedEvent<ReviewValidated>[], @Ctx() _batch: unknown): Promise<void> {
    return this.progress.hear(events.map(newsOfValidated));
  }

  @EventPattern<string>('delivery.settled')
  onDeliverySettled(@Payload() events: ReceivedEvent<DeliverySettled>[], @Ctx() _batch: unknown): Promise<void> {
    return this.progress.hear(events.map(newsOfSettled));
  }

  @EventPattern<string>('stage.delayed')
  onDelayed(@Payload() events: ReceivedEvent<StageDelayed>[], @Ctx() _batch: unknown): Promise<void> {
    return this.progress.hear(events.map(newsOfDelayed));
  }

  @EventPattern<string>('stage.dead_lettered')
  onDeadLettered(@Payload() events: ReceivedEvent<StageDeadLettered>[], @Ctx() _batch: unknown): Promise<void> {
    return this.progress.hear(events.map(newsOfDeadLettered).filter((news): news is News => news !== null));
  }
}
