import { Module } from '@nestjs/common';
import { AuditTrailModule } from '../audit/index.js';
import { LettersModule } from '../letters/index.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { IncidentsController } from './incidents.controller.js';
import { LettersViewRepository } from './letters-view.repository.js';
import { TriageService } from './triage.service.js';

@Module({
  imports: [AuditTrailModule, LettersModule],
  controllers: [DeadLettersController, IncidentsController],
  providers: [LettersViewRepository, TriageService],
  exports: [TriageService],
})
export class TriageModule {}
