import { Module } from '@nestjs/common';
import { ReplayChangesService } from './replay-changes.service.js';
import { ReplayRepository } from './replay.repository.js';
import { VerificationService } from './verification.service.js';

/** What the intake of news needs of replays. */
@Module({
  providers: [ReplayChangesService, ReplayRepository, VerificationService],
  exports: [ReplayChangesService, ReplayRepository, VerificationService],
})
export class VerificationModule {}
