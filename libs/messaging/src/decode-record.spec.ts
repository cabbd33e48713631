import { describe, expect, it } from '@jest/globals';
import type { IHeaders, KafkaMessage } from 'kafkajs';
import { cloudEventHeaders, cloudEventType, readCloudEvent } from './cloud-events.js';
import { decodeRecord } from './decode-record.js';
import { delayedEvent } from './messaging.fixture.js';

const place = { type: 'stage.delayed' as const, topic: 't.stage.delayed.v1', partition: 3 };

function record(change: { headers?: Record<string, string | undefined>; value?: Buffer | null; data?: object } = {}) {
  const event = delayedEvent('x');
  const sent = { ...cloudEventHeaders(event, 'validator'), ...change.headers };
  const headers = Object.fromEntries(
    Object.entries(sent).flatMap(([name, value]) => (value === undefined ? [] : [[name, Buffer.from(value)]])),
  );
  const data = { ...(JSON.parse(event.data.toString()) as object), ...change.data };
  const value = change.value === undefined ? Buffer.from(JSON.stringify(data)) : change.value;
  return { key: Buffer.from(event.key), value, headers, offset: '7' } as unknown as KafkaMessage;
}

function codeOf(message: KafkaMessage): string | null {
  const decoded = decodeRecord(place, message, 0);
  return 'failure' in decoded ? decoded.failure.code : null;
}

describe('a record of Kafka', () => {
  it('OBS-1.c carries id, type, subject, time, correlation and trace in the headers of CloudEvents', () => {
    const event = delayedEvent('x');
    expect(cloudEventHeaders(event, 'validator')).toEqual({
      ce_specversion: '1.0',
      ce_id: event.id,
      ce_source: '/assay/validator',
      ce_type: 'assay.stage.delayed.v1',
      ce_subject: event.subject,
      ce_time: event.time,
      ce_correlationid: 'corr-x',
      'content-type': 'application/json',
      traceparent: event.traceparent,
    });
    expect(cloudEventHeaders({ ...event, traceparent: null }, 'validator')).not.toHaveProperty('traceparent');
  });

  it('comes back as the event that was sent, its bytes beside its data', () => {
    const message = record();
    const decoded = decodeRecord(place, message, 0);
    if ('failure' in decoded) throw decoded.failure;
    const { event } = decoded;
    expect(event).toMatchObject({ ...place, offset: '7', key: 'acme x', correlation_id: 'corr-x' });
    expect(event.bytes).toBe(message.value);
    expect(event.data).toEqual(JSON.parse(message.value!.toString()));
  });

  it('OPS-5.a ignores fields that it does not know and keeps unknown enum values as text', () => {
    const decoded = decodeRecord(
      place,
      record({ data: { added_later: { deep: 1 }, error_class: 'NOT_YET_KNOWN' } }),
      0,
    );
    if ('failure' in decoded) throw decoded.failure;
    expect(decoded.event.data).toMatchObject({ error_class: 'NOT_YET_KNOWN' });
  });

  it('DLQ-4.d is malformed without a value, JSON, the schema or the headers of CloudEvents', () => {
    expect(codeOf(record({ value: null }))).toBe('record_without_value');
    expect(codeOf(record({ value: Buffer.from('{') }))).toBe('not_json');
    expect(codeOf(record({ value: Buffer.from([0xff, 0x00]) }))).toBe('not_json');
    expect(codeOf(record({ value: Buffer.from('null') }))).toBe('schema_violation');
    expect(codeOf(record({ data: { revision: 'one' } }))).toBe('schema_violation');
    for (const name of ['ce_specversion', 'ce_type', 'ce_id', 'ce_subject', 'ce_time']) {
      expect([name, codeOf(record({ headers: { [name]: undefined } }))]).toEqual([name, 'wrong_headers']);
    }
    expect(codeOf(record({ headers: { ce_specversion: '0.3' } }))).toBe('wrong_headers');
    expect(codeOf(record({ headers: { ce_type: cloudEventType('review.settled') } }))).toBe('wrong_headers');
    expect(codeOf(record({ headers: { 'content-type': 'application/avro' } }))).toBe('wrong_headers');
    expect(codeOf(record({ headers: { 'content-type': 'application/json; charset=utf-8' } }))).toBeNull();
  });

  it('says where a schema is broken, never with which value', () => {
    const decoded = decodeRecord(place, record({ data: { revision: 'hunter2' } }), 0);
    expect('failure' in decoded && decoded.failure.message).toBe('/revision breaks #/properties/revision/type');
  });

  it('reads the first of several headers of one name', () => {
    const { headers } = record();
    const doubled: IHeaders = { ...headers, ce_id: [Buffer.from('first'), Buffer.from('second')] };
    expect(readCloudEvent(doubled, 'stage.delayed')).toMatchObject({ attributes: { id: 'first' } });
  });
});
