import type { EventType, OutgoingEvent } from '@assay/contracts';

interface StoredEvent {
  type: EventType;
  id: string;
  subject: string;
  time: string;
  key: string;
  correlation_id: string;
  traceparent: string | null;
  data: string;
}

/** Small events as an item's payload, so that a crash after the commit publishes the same bytes under the same ids. */
export function encodeEvents(events: readonly OutgoingEvent[]): Buffer {
  const stored: StoredEvent[] = events.map(({ value: _value, data, ...event }) => ({
    ...event,
    data: data.toString('utf8'),
  }));
  return Buffer.from(JSON.stringify(stored));
}

export function decodeEvents(payload: Buffer): OutgoingEvent[] {
  const stored = JSON.parse(payload.toString('utf8')) as StoredEvent[];
  return stored.map((event) => ({ ...event, data: Buffer.from(event.data) }));
}
