import { Module } from '@nestjs/common';
import { CredentialRefusals } from './credential-refusals.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DeliveryWorker } from './delivery.worker.js';

/** Deliveries on their way (DEL-3); the providers and the settings come from the service's module. */
@Module({
  providers: [DeliveryRepository, CredentialRefusals, DeliveryWorker],
  exports: [DeliveryRepository, DeliveryWorker],
})
export class DeliveryModule {}
