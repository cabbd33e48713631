import { Failure } from '@assay/contracts';
import type { EventData, EventType, ReceivedEvent } from '@assay/contracts';
import { correlationIdFrom } from '@assay/observability';
import type { KafkaMessage } from 'kafkajs';
import { readCloudEvent } from './cloud-events.js';
import { schemaFault } from './event-schemas.js';

/** Where a record stands. */
export interface RecordPlace {
  type: EventType;
  topic: string;
  partition: number;
}

export type Decoded = { event: ReceivedEvent } | { failure: Failure };

/** A record as an event, or why it is none (DLQ-4). Never throws. */
export function decodeRecord(place: RecordPlace, message: KafkaMessage, redelivered_below: number): Decoded {
  if (message.value === null) return malformed('record_without_value', 'the record has no value');
  const read = readCloudEvent(message.headers, place.type);
  if ('fault' in read) return malformed('wrong_headers', read.fault);
  const { attributes } = read;
  const data = parse(message.value);
  if (data === undefined) return malformed('not_json', 'the value is not JSON');
  const fault = schemaFault(place.type, data);
  if (fault) return malformed('schema_violation', fault);
  const event_data = data as EventData;
  return {
    event: {
      ...place,
      ...attributes,
      key: message.key?.toString() ?? '',
      correlation_id: attributes.correlation_id ?? event_data.correlation_id,
      data: event_data,
      bytes: message.value,
      offset: message.offset,
      possibly_redelivered: Number(message.offset) < redelivered_below,
    },
  };
}

/** From the header where it is sane, else a new one: an undecodable record has a trail, too. */
export function correlationIdOf(message: KafkaMessage): string {
  return correlationIdFrom(message.headers?.ce_correlationid?.toString());
}

function parse(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function malformed(code: string, message: string): Decoded {
  return { failure: new Failure({ error_class: 'TRANSPORT_MALFORMED', code, retryable: false, message }) };
}
