import { Module } from '@nestjs/common';
import { SubmissionJudge } from './submission-judge.js';
import { ValidationRepository } from './validation.repository.js';
import { ValidationWorker } from './validation.worker.js';

@Module({
  providers: [SubmissionJudge, ValidationRepository, ValidationWorker],
  exports: [SubmissionJudge, ValidationRepository, ValidationWorker],
})
export class ValidationModule {}
