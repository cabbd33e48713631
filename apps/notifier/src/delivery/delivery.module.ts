import { Module } from '@nestjs/common';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryWorker } from './delivery.worker.js';
import { DestinationFaults } from './destination-faults.js';

/** Deliveries on their way (DEL-3); the providers and the settings come from the service's module. */
@Module({
  providers: [DeliveryRepository, DestinationFaults, DeliveryWorker],
  exports: [DeliveryRepository, DeliveryWorker],
})
export class DeliveryModule {}
