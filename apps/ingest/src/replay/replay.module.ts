import { Module } from '@nestjs/common';
import { ReplayConsumer } from './replay.consumer.js';
import { ReplayRepository } from './replay.repository.js';
import { ReplayService } from './replay.service.js';

/** Whether a failed job begins again (ING-9). */
@Module({
  controllers: [ReplayConsumer],
  providers: [ReplayRepository, ReplayService],
  exports: [ReplayRepository],
})
export class ReplayModule {}
