import { Module } from '@nestjs/common';
import { DryRunController } from './dry-run.controller.js';
import { DryRunService } from './dry-run.service.js';

@Module({ controllers: [DryRunController], providers: [DryRunService] })
export class DryRunModule {}
