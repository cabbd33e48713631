import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/index.js';
import { IntakeModule } from '../intake/index.js';
import { CorrectionsConsumer } from './corrections.consumer.js';
import { CorrectionsRepository } from './corrections.repository.js';
import { CorrectionsService } from './corrections.service.js';

@Module({
  imports: [DeliveryModule, IntakeModule],
  controllers: [CorrectionsConsumer],
  providers: [CorrectionsRepository, CorrectionsService],
})
export class CorrectionsModule {}
