import type { Failure, OutgoingEvent } from '@assay/contracts';

export type PublishResult =
  | { kind: 'acked' }
  /** Refused for ever: its schema or its size (WQ-1). */
  | { kind: 'rejected'; failure: Failure }
  /** Not acknowledged; it may or may not stand in the topic. */
  | { kind: 'unavailable'; failure: Failure };

/** The way out of the queue. It knows this port only; the Kafka adapter stands in `libs/messaging`. */
export interface EventPublisher {
  /** One result per event, in order. Never rejects. */
  publish(events: readonly OutgoingEvent[]): Promise<PublishResult[]>;
  /** False from a failed publication until one succeeds. */
  readonly available: boolean;
}

export const EVENT_PUBLISHER = Symbol('EventPublisher');
