import { Module } from '@nestjs/common';
import { ValidationModule } from '../validation/index.js';
import { FindingsController } from './findings.controller.js';
import { FindingsService } from './findings.service.js';

@Module({ imports: [ValidationModule], controllers: [FindingsController], providers: [FindingsService] })
export class FindingsModule {}
