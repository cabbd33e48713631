import { Module } from '@nestjs/common';
import { AllowListController } from './allow-list.controller.js';
import { AllowListRepository } from './allow-list.repository.js';
import { AllowListService } from './allow-list.service.js';

@Module({ controllers: [AllowListController], providers: [AllowListRepository, AllowListService] })
export class DepotAllowListModule {}
