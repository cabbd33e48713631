export { Cancellations } from './cancellations.js';
export { deadLetterEvents, settledEvent } from './delivery-events.js';
export { deliveryKey, repeatKey } from './delivery-key.js';
export { FAILED_DELIVERY_STATES, OPEN_DELIVERY_STATES } from './delivery-states.js';
export type { DeliveryCause } from './delivery-states.js';
export { deliveries } from './delivery-metrics.js';
export type { DeliveryRow } from './delivery-row.js';
export {
  byParent,
  countsAsFailed,
  countsAsOpen,
  DeliveryRepository,
  once,
  parentDeltas,
  parentKey,
} from './delivery.repository.js';
export type { ChangedDelivery, DeliveryEnd, Parent, ParentDelta } from './delivery.repository.js';
export { DeliveryModule } from './delivery.module.js';
export { DELIVERY_SETTING_DEFINITIONS, DELIVERY_SETTINGS } from './delivery.settings.js';
export type { DeliveryBody, DeliverySettings } from './delivery.types.js';
export { SMALL_BYTES } from './held-reviews.js';
export type { ReviewReference } from './held-reviews.js';
export { DELIVER_QUEUE, DeliveryItems } from './delivery-items.js';
export type { DeliveryToQueue } from './delivery-items.js';
export { DeliveryWorker } from './delivery.worker.js';
export { outcomeUnknown } from './failures.js';
