import { Module } from '@nestjs/common';
import { ReviewsModule } from '../reviews/index.js';
import { CancellingController } from './cancelling.controller.js';
import { CancellingService } from './cancelling.service.js';

/** Nobody is to be told of a job any more (ING-13). */
@Module({
  imports: [ReviewsModule],
  controllers: [CancellingController],
  providers: [CancellingService],
})
export class CancellingModule {}
