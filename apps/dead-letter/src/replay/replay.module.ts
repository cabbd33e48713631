import { Module } from '@nestjs/common';
import { LettersModule } from '../letters/index.js';
import { AnswersConsumer } from './answers.consumer.js';
import { AnswersService } from './answers.service.js';
import { CandidatesRepository } from './candidates.repository.js';
import { PlanActionsService } from './plan-actions.service.js';
import { PlanRunner } from './plan-runner.js';
import { PlansController } from './plans.controller.js';
import { PlansService } from './plans.service.js';
import { PlansViewRepository } from './plans-view.repository.js';
import { ReplayRequestsService } from './replay-requests.service.js';
import { VerificationModule } from './verification.module.js';

/** Replay plans and their items (DLQ-8 to DLQ-10). */
@Module({
  imports: [LettersModule, VerificationModule],
  controllers: [AnswersConsumer, PlansController],
  providers: [
    ...[AnswersService, CandidatesRepository, PlanActionsService, PlanRunner],
    ...[PlansService, PlansViewRepository, ReplayRequestsService],
  ],
})
export class ReplayModule {}
