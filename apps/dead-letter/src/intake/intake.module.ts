import { Module } from '@nestjs/common';
import { LettersModule } from '../letters/index.js';
import { VerificationModule } from '../replay/index.js';
import { IntakeConsumer } from './intake.consumer.js';
import { IntakeRepository } from './intake.repository.js';
import { IntakeService } from './intake.service.js';

@Module({
  imports: [LettersModule, VerificationModule],
  controllers: [IntakeConsumer],
  providers: [IntakeRepository, IntakeService],
})
export class IntakeModule {}
