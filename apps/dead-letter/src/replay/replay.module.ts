import { Module } from '@nestjs/common';
import { AuditTrailModule } from '../audit/index.js';
import { LettersModule } from '../letters/index.js';
import { TriageModule } from '../triage/index.js';
import { AnswersConsumer } from './answers.consumer.js';
import { AnswersService } from './answers.service.js';
import { CandidatesRepository } from './candidates.repository.js';
import { EndReplayService } from './end-replay.service.js';
import { LetterReplayController } from './letter-replay.controller.js';
import { PlanActionsService } from './plan-actions.service.js';
import { PlanRunner } from './plan-runner.js';
import { PlansController } from './plans.controller.js';
import { PlansService } from './plans.service.js';
import { PlansViewRepository } from './plans-view.repository.js';
import { ReopeningService } from './reopening.service.js';
import { ReplayRequestsService } from './replay-requests.service.js';
import { SilentReplaysRepository } from './silent-replays.repository.js';
import { SilentReplaysService } from './silent-replays.service.js';
import { VerificationModule } from './verification.module.js';

/** Replay plans and their items (DLQ-8 to DLQ-10). */
@Module({
  imports: [AuditTrailModule, LettersModule, TriageModule, VerificationModule],
  controllers: [AnswersConsumer, LetterReplayController, PlansController],
  providers: [
    ...[AnswersService, CandidatesRepository, EndReplayService, PlanActionsService, PlanRunner],
    ...[PlansService, PlansViewRepository, ReopeningService, ReplayRequestsService],
    ...[SilentReplaysRepository, SilentReplaysService],
  ],
})
export class ReplayModule {}
