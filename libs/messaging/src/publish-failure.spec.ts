import { describe, expect, it } from '@jest/globals';
import { KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } from 'kafkajs';
import { judgeSendError } from './publish-failure.js';

/** As the client throws it, having tried again by itself. */
function answered(type: string, code: number): Error {
  const error = new KafkaJSProtocolError(Object.assign(new Error(type), { type, code, retriable: true }) as never);
  return new KafkaJSNumberOfRetriesExceeded(error, { retryCount: 2, retryTime: 1 });
}

describe('judgeSendError', () => {
  it('DLQ-1.b publishes again what the broker found corrupt: the record is whole here', () => {
    const { failure, refused } = judgeSendError(answered('CORRUPT_MESSAGE', 2));
    expect(refused).toBe(false);
    expect(failure).toMatchObject({ code: 'kafka_corrupt_message', retryable: true });
  });

  it.each([
    ['MESSAGE_TOO_LARGE', 10],
    ['INVALID_RECORD', 87],
  ])('WQ-1.i takes %s for a refusal for ever', (type, code) => {
    expect(judgeSendError(answered(type, code))).toMatchObject({ refused: true, failure: { retryable: false } });
  });
});
