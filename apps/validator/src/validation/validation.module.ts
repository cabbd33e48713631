import { Module } from '@nestjs/common';
import { ValidationRepository } from './validation.repository.js';
import { ValidationWorker } from './validation.worker.js';

@Module({
  providers: [ValidationRepository, ValidationWorker],
  exports: [ValidationRepository, ValidationWorker],
})
export class ValidationModule {}
