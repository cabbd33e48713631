import { Module } from '@nestjs/common';
import { LettersModule } from '../letters/index.js';
import { IncidentEvidenceController, LetterEvidenceController } from './evidence.controller.js';
import { EvidenceRepository } from './evidence.repository.js';
import { EvidenceService } from './evidence.service.js';

@Module({
  imports: [LettersModule],
  controllers: [IncidentEvidenceController, LetterEvidenceController],
  providers: [EvidenceRepository, EvidenceService],
})
export class EvidenceModule {}
