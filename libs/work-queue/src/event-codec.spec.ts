import { expect, it } from '@jest/globals';
import type { OutgoingEvent } from '@assay/contracts';
import { decodeEvents, encodeEvents } from './event-codec.js';

it('keeps events byte for byte between the commit and a later publication', () => {
  const events: OutgoingEvent[] = [
    {
      type: 'delivery.settled',
      id: 'a:0:1:delivery.settled',
      subject: 'a',
      time: '2026-01-02T03:04:05.678Z',
      key: 'source 17',
      correlation_id: 'c',
      traceparent: null,
      data: Buffer.from('{"a": "ünï\\u0000\\ud800",  "b":1}'),
    },
  ];
  expect(decodeEvents(encodeEvents(events))).toEqual(events);
});
