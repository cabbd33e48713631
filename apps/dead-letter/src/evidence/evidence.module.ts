import { Module } from '@nestjs/common';
import { AuditTrailModule } from '../audit/index.js';
import { LettersModule } from '../letters/index.js';
import { IncidentEvidenceController, LetterEvidenceController } from './evidence.controller.js';
import { EvidenceRepository } from './evidence.repository.js';
import { EvidenceService } from './evidence.service.js';

@Module({
  imports: [AuditTrailModule, LettersModule],
  controllers: [IncidentEvidenceController, LetterEvidenceController],
  providers: [EvidenceRepository, EvidenceService],
})
export class EvidenceModule {}
