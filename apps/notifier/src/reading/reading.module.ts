import { Module } from '@nestjs/common';
import { DeliveriesViewRepository } from './deliveries-view.repository.js';
import { DeliveriesController } from './deliveries.controller.js';
import { ReadingService } from './reading.service.js';

@Module({ controllers: [DeliveriesController], providers: [DeliveriesViewRepository, ReadingService] })
export class ReadingModule {}
