import { Module } from '@nestjs/common';
import { ValidationModule } from '../validation/index.js';
import { IntakeConsumer } from './intake.consumer.js';
import { IntakeRepository } from './intake.repository.js';
import { IntakeService } from './intake.service.js';

@Module({
  imports: [ValidationModule],
  controllers: [IntakeConsumer],
  providers: [IntakeRepository, IntakeService],
})
export class IntakeModule {}
