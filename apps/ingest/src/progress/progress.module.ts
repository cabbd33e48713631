import { Module } from '@nestjs/common';
import { ReplayModule } from '../replay/index.js';
import { ReviewsModule } from '../reviews/index.js';
import { ForgottenJobsRepository } from './forgotten-jobs.repository.js';
import { ForgottenJobsService } from './forgotten-jobs.service.js';
import { ProgressConsumer } from './progress.consumer.js';
import { ProgressRepository } from './progress.repository.js';
import { ProgressService } from './progress.service.js';

@Module({
  imports: [ReplayModule, ReviewsModule],
  controllers: [ProgressConsumer],
  providers: [ForgottenJobsRepository, ForgottenJobsService, ProgressRepository, ProgressService],
})
export class ProgressModule {}
