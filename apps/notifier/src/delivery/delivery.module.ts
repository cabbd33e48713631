import { Module } from '@nestjs/common';
import { Cancellations } from './cancellations.js';
import { DeliveryItems } from './delivery-items.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryWorker } from './delivery.worker.js';
import { DestinationFaults } from './destination-faults.js';

/** Deliveries on their way (DEL-3); the providers and the settings come from the service's module. */
@Module({
  providers: [Cancellations, DeliveryItems, DeliveryRepository, DestinationFaults, DeliveryWorker],
  exports: [Cancellations, DeliveryItems, DeliveryRepository, DeliveryWorker],
})
export class DeliveryModule {}
