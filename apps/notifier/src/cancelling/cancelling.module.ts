import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/index.js';
import { IntakeModule } from '../intake/index.js';
import { CancellingConsumer } from './cancelling.consumer.js';
import { CancellingService } from './cancelling.service.js';

@Module({
  imports: [DeliveryModule, IntakeModule],
  controllers: [CancellingConsumer],
  providers: [CancellingService],
})
export class CancellingModule {}
