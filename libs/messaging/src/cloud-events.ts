import type { EventType, OutgoingEvent } from '@assay/contracts';
import type { IHeaders } from 'kafkajs';

/** CloudEvents 1.0, Kafka protocol binding, binary content mode: attributes are headers, the data is the value. */
export const CE_SPEC_VERSION = '1.0';
export const CONTENT_TYPE = 'application/json';

/** `assay.<subject>.<past participle>.v1`, the same whatever prefix the installation's topics have. */
export function cloudEventType(type: EventType): string {
  return `assay.${type}.v1`;
}

/** `service` publishes; a URI-reference, as CloudEvents wants its source. */
export function cloudEventHeaders(event: OutgoingEvent, service: string): Record<string, string> {
  const headers: Record<string, string> = {
    ce_specversion: CE_SPEC_VERSION,
    ce_id: event.id,
    ce_source: `/assay/${service}`,
    ce_type: cloudEventType(event.type),
    ce_subject: event.subject,
    ce_time: event.time,
    ce_correlationid: event.correlation_id,
    'content-type': CONTENT_TYPE,
  };
  if (event.traceparent !== null) headers.traceparent = event.traceparent;
  return headers;
}

export interface CloudEventAttributes {
  id: string;
  subject: string;
  time: string;
  correlation_id: string | null;
  traceparent: string | null;
}

/** The attributes, or what is wrong with them. */
export function readCloudEvent(
  headers: IHeaders | undefined,
  type: EventType,
): { attributes: CloudEventAttributes } | { fault: string } {
  const specversion = header(headers, 'ce_specversion');
  if (specversion !== CE_SPEC_VERSION) return { fault: `ce_specversion is not ${CE_SPEC_VERSION}` };
  if (header(headers, 'ce_type') !== cloudEventType(type)) return { fault: `ce_type is not ${cloudEventType(type)}` };
  const content_type = header(headers, 'content-type');
  if (content_type !== null && !/^application\/json\s*(;|$)/i.test(content_type)) {
    return { fault: 'content-type is not application/json' };
  }
  const [id, subject, time] = ['ce_id', 'ce_subject', 'ce_time'].map((name) => header(headers, name));
  if (!id || !subject || !time) return { fault: 'ce_id, ce_subject or ce_time is missing' };
  return {
    attributes: {
      ...{ id, subject, time },
      correlation_id: header(headers, 'ce_correlationid'),
      traceparent: header(headers, 'traceparent'),
    },
  };
}

/** Null where it is absent. Of several with one name the first counts. */
export function header(headers: IHeaders | undefined, name: string): string | null {
  const value = headers?.[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined ? null : first.toString();
}
