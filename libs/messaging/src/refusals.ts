import { createLog } from '@assay/observability';
import { CheckFailure } from '@assay/service';
import type { LogEntry } from 'kafkajs';
import { createRequire } from 'node:module';
import type { AnsweredBefore } from './open-socket.js';

const require = createRequire(import.meta.url);
const log = createLog('kafka.access', ['refused', 'admitted', 'closed_unanswered']);

/** Why the brokers, or the issuer of tokens, do not let a client in. Waiting alone does not mend it; a person does. */
export interface Refusal {
  code:
    | 'kafka_tls_failed'
    | 'kafka_sasl_authentication_failed'
    | 'kafka_login_missing'
    | 'kafka_token_refused'
    | 'kafka_topic_authorization_failed'
    | 'kafka_group_authorization_failed'
    | 'kafka_cluster_authorization_failed';
  /** What is wrong and where to look, in words that a stranger may read: `/readyz` is public. */
  detail: string;
}

/** Thrown by our own part of a login. kafkajs must not repeat it at once: its users do, with pauses. */
export class AccessRefused extends Error {
  readonly retriable = false;

  constructor(readonly refusal: Refusal) {
    super(refusal.detail);
    this.name = 'AccessRefused';
  }
}

const PRINCIPAL = "is not granted to this service's principal; the command acls prints what is";

const BY_TYPE: Readonly<Record<string, Refusal>> = {
  SASL_AUTHENTICATION_FAILED: {
    code: 'kafka_sasl_authentication_failed',
    detail: 'the broker refuses the login; see ASSAY_KAFKA_SASL_USER and ASSAY_KAFKA_SASL_PASSWORD',
  },
  UNSUPPORTED_SASL_MECHANISM: {
    code: 'kafka_sasl_authentication_failed',
    detail: 'the broker does not know this mechanism on this listener; see ASSAY_KAFKA_SASL_MECHANISM',
  },
  ILLEGAL_SASL_STATE: {
    code: 'kafka_sasl_authentication_failed',
    detail: 'the listener takes no login; see ASSAY_KAFKA_SASL_MECHANISM, and the port in ASSAY_KAFKA_BROKERS',
  },
  TOPIC_AUTHORIZATION_FAILED: { code: 'kafka_topic_authorization_failed', detail: `a topic ${PRINCIPAL}` },
  GROUP_AUTHORIZATION_FAILED: {
    code: 'kafka_group_authorization_failed',
    detail: `the consumer group ${PRINCIPAL}; see ASSAY_KAFKA_GROUP`,
  },
  CLUSTER_AUTHORIZATION_FAILED: {
    code: 'kafka_cluster_authorization_failed',
    detail: `an act on the cluster ${PRINCIPAL}`,
  },
};

const WRONG_NAME = new Set(['ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_TLS_CERT_ALTNAME_FORMAT', 'HOSTNAME_MISMATCH']);
const OUT_OF_DATE = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
/** Node's other codes for a chain that it does not trust: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const UNTRUSTED =
  /^(UNABLE_TO_|CERT_|CRL_|ERROR_IN_C|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|INVALID_)/;
/** OpenSSL's own; an alert is the broker's word about what we showed it. */
const ALERT = /^ERR_SSL_.*ALERT/;
const NO_TLS = /^(ERR_SSL_|EPROTO$)/;

/** What a code of Node's says of a TLS connection; null where it says nothing of that. */
function tlsRefusal(code: string): Refusal | null {
  const said = (what: string): Refusal => ({ code: 'kafka_tls_failed', detail: `${what} (${code})` });
  if (WRONG_NAME.has(code)) {
    return said("the broker's certificate bears another name; see ASSAY_KAFKA_BROKERS and ASSAY_KAFKA_TLS_SERVER_NAME");
  }
  if (OUT_OF_DATE.has(code)) return said("the broker's certificate is not valid today");
  if (UNTRUSTED.test(code)) return said("the broker's certificate is not trusted; see ASSAY_KAFKA_TLS_CA");
  if (ALERT.test(code)) {
    return said(
      'the broker refuses the certificate, or wants one; see ASSAY_KAFKA_TLS_CERTIFICATE and ASSAY_KAFKA_TLS_KEY',
    );
  }
  if (NO_TLS.test(code))
    return said('no TLS is spoken there; see ASSAY_KAFKA_TLS, and the port in ASSAY_KAFKA_BROKERS');
  return null;
}

interface Link {
  refusal?: Refusal;
  type?: unknown;
  code?: unknown;
  cause?: unknown;
}

/** What a failed request of kafkajs' says of access, by codes (GEN-7); kafkajs wraps what it gave up on several times. */
export function refusalIn(error: unknown): Refusal | null {
  for (let link = error as Link | undefined, depth = 0; link && depth < 8; depth += 1) {
    if (link instanceof AccessRefused) return link.refusal;
    if (typeof link.type === 'string' && BY_TYPE[link.type]) return BY_TYPE[link.type]!;
    const by_code = typeof link.code === 'string' ? tlsRefusal(link.code) : null;
    if (by_code) return by_code;
    link = link.cause as Link | undefined;
  }
  return null;
}

/** A listener with SASL says which versions it speaks, and closes the connection at whatever comes before a login. */
const LOGIN_MISSING: Refusal = {
  code: 'kafka_login_missing',
  detail:
    'the brokers close each connection that does not log in; see ASSAY_KAFKA_SASL_MECHANISM, and the port in ASSAY_KAFKA_BROKERS',
};
/** One connection may have met a broker that was being stopped. */
const CLOSED_IN_A_ROW = 2;

interface ProtocolErrors {
  errorCodes: readonly { type: string; message: string }[];
}

/** kafkajs swallows why a group has no coordinator: only its log says, in these words of its own. */
const GROUP_REFUSED = (require('kafkajs/src/protocol/error') as ProtocolErrors).errorCodes.find(
  ({ type }) => type === 'GROUP_AUTHORIZATION_FAILED',
)!.message;

function lacksCoordinator(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === 'KafkaJSGroupCoordinatorNotFound';
}

/** What one client was last refused, told once in the log when it changes and as long as it lasts to who asks. */
export class Refusals {
  #current: Refusal | null = null;
  #hinted = false;
  #closed_in_a_row = 0;

  constructor(private readonly client: string) {}

  get current(): Refusal | null {
    return this.#current;
  }

  /** Whether the error is one of access. */
  judge(error: unknown): boolean {
    const refusal = refusalIn(error) ?? (lacksCoordinator(error) ? this.#heardOfGroup() : null);
    if (refusal) this.note(refusal);
    return refusal !== null;
  }

  note(refusal: Refusal): void {
    const known = this.#current?.detail === refusal.detail;
    this.#current = refusal;
    if (!known) log.error('refused', { client: this.client, ...refusal });
  }

  #heardOfGroup(): Refusal | null {
    return this.#current?.code === 'kafka_group_authorization_failed' ? this.#current : null;
  }

  readonly hear = (entry: LogEntry): void => {
    if (entry.log.error === GROUP_REFUSED) this.note(BY_TYPE.GROUP_AUTHORIZATION_FAILED!);
  };

  /**
   * The other side has closed a connection after it had answered nothing, or no more than which versions it speaks; for
   * those a client asks once, and on its next connection nothing is answered at all.
   */
  closed(after: AnsweredBefore, has_login: boolean): void {
    const for_a_login = !has_login && (after === 'versions' || this.#closed_in_a_row > 0);
    if (for_a_login) {
      this.#closed_in_a_row += 1;
      if (this.#closed_in_a_row >= CLOSED_IN_A_ROW) this.note(LOGIN_MISSING);
    } else if (after === 'nothing') this.#hint();
  }

  /**
   * A listener that expects TLS closes a connection without it and the reverse, and so does a proxy whose broker is away:
   * a hint, told once, and no refusal.
   */
  #hint(): void {
    if (this.#hinted) return;
    this.#hinted = true;
    log.warn('closed_unanswered', { client: this.client, see: 'ASSAY_KAFKA_TLS, and the port in ASSAY_KAFKA_BROKERS' });
  }

  /** A request has passed: whatever was refused is granted now. */
  over(): void {
    this.#hinted = false;
    this.#closed_in_a_row = 0;
    if (this.#current === null) return;
    log.info('admitted', { client: this.client, code: this.#current.code });
    this.#current = null;
  }

  /** For readiness: rejects with what to look at while access is refused. */
  assertNone(): Promise<void> {
    const refusal = this.#current;
    return refusal ? Promise.reject(new CheckFailure(refusal.code, refusal.detail)) : Promise.resolve();
  }
}
