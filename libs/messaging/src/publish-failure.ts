import { Failure } from '@assay/contracts';
import { refusalIn } from './refusals.js';

interface KafkaError {
  type?: unknown;
  name?: unknown;
  cause?: unknown;
}

/** The broker's answers that no repetition changes. Not CORRUPT_MESSAGE: what arrived was not what was sent. */
const REFUSED = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);
/** Answers about one topic or one record of a request: the rest of the request may be sent again without it. */
const LOCAL = new Set([
  ...REFUSED,
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
]);

export function rejected(code: string, message: string): Failure {
  return new Failure({ error_class: 'PUBLISH_REJECTED', code, retryable: false, message });
}

export function unavailable(code: string, cause?: unknown): Failure {
  return new Failure({
    error_class: code === 'kafka_timed_out' ? 'DEPENDENCY_TIMEOUT' : 'DEPENDENCY_UNAVAILABLE',
    code,
    retryable: true,
    message: `Kafka did not acknowledge: ${code}`,
    cause,
  });
}

/** What a failed request says, by the protocol's error name, never by text (GEN-7). */
export function judgeSendError(error: unknown): { failure: Failure; local: boolean; refused: boolean } {
  const type = protocolError(error);
  const code = type ? `kafka_${type.toLowerCase()}` : 'kafka_unreachable';
  if (type && REFUSED.has(type)) {
    return { failure: rejected(code, `Kafka refuses the record: ${type}`), local: true, refused: true };
  }
  const local = type !== null && LOCAL.has(type);
  return { failure: unavailable(refusalIn(error)?.code ?? code, error), local, refused: false };
}

/** kafkajs wraps what it gave up on: the protocol's error stands at the end of the causes. */
function protocolError(error: unknown): string | null {
  for (let link = error as KafkaError | undefined, depth = 0; link && depth < 8; depth += 1) {
    if (typeof link.type === 'string') return link.type;
    link = link.cause as KafkaError | undefined;
  }
  return null;
}
