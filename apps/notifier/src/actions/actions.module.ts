import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/index.js';
import { ActionsConsumer } from './actions.consumer.js';
import { ActionsRepository } from './actions.repository.js';
import { ActionsService } from './actions.service.js';
import { SendAgainService } from './send-again.service.js';

@Module({
  imports: [DeliveryModule],
  controllers: [ActionsConsumer],
  providers: [ActionsRepository, ActionsService, SendAgainService],
})
export class ActionsModule {}
