import { Module } from '@nestjs/common';
import { AcceptanceRepository } from './acceptance.repository.js';
import { AcceptanceService } from './acceptance.service.js';
import { Backlog } from './backlog.js';
import { JobWatch } from './job-watch.js';
import { JobsRepository } from './jobs.repository.js';
import { ReviewsController } from './reviews.controller.js';
import { ReviewsService } from './reviews.service.js';
import { SubmittedEvents } from './submitted-events.js';

@Module({
  controllers: [ReviewsController],
  providers: [
    AcceptanceRepository,
    AcceptanceService,
    Backlog,
    JobsRepository,
    JobWatch,
    ReviewsService,
    SubmittedEvents,
  ],
  exports: [JobWatch, ReviewsService],
})
export class ReviewsModule {}
