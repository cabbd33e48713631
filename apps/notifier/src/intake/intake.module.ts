import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/index.js';
import { IntakeBatch } from './intake-batch.js';
import { IntakeConsumer } from './intake.consumer.js';
import { IntakeRepository } from './intake.repository.js';
import { IntakeService } from './intake.service.js';

@Module({
  imports: [DeliveryModule],
  controllers: [IntakeConsumer],
  providers: [IntakeRepository, IntakeBatch, IntakeService],
  exports: [IntakeRepository, IntakeService],
})
export class IntakeModule {}
