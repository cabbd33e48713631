import { Module } from '@nestjs/common';
import { ReviewsModule } from '../reviews/index.js';
import { ForgottenJobsRepository } from './forgotten-jobs.repository.js';
import { ForgottenJobsService } from './forgotten-jobs.service.js';
import { ProgressConsumer } from './progress.consumer.js';
import { ProgressRepository } from './progress.repository.js';
import { ProgressService } from './progress.service.js';

@Module({
  imports: [ReviewsModule],
  controllers: [ProgressConsumer],
  providers: [ForgottenJobsRepository, ForgottenJobsService, ProgressRepository, ProgressService],
})
export class ProgressModule {}
