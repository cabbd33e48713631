import { Module } from '@nestjs/common';
import { Cancellations } from './cancellations.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryWorker } from './delivery.worker.js';
import { DestinationFaults } from './destination-faults.js';

/** Deliveries on their way (DEL-3); the providers and the settings come from the service's module. */
@Module({
  providers: [Cancellations, DeliveryRepository, DestinationFaults, DeliveryWorker],
  exports: [Cancellations, DeliveryRepository, DeliveryWorker],
})
export class DeliveryModule {}
