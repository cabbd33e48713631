import { Module } from '@nestjs/common';
import { AuditTrailModule } from '../audit/index.js';
import { TriageModule } from '../triage/index.js';
import { ActionsConsumer } from './actions.consumer.js';
import { ActionsController } from './actions.controller.js';
import { ActionsRepository } from './actions.repository.js';
import { ActionsService } from './actions.service.js';

@Module({
  imports: [AuditTrailModule, TriageModule],
  controllers: [ActionsConsumer, ActionsController],
  providers: [ActionsRepository, ActionsService],
})
export class ActionsModule {}
