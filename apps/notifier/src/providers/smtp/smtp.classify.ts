import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';
import type { Classification } from '../provider.js';

/** What nodemailer says about a failed send, and what only the transport could see. */
export interface SmtpFault {
  /** nodemailer's code: `ECONNECTION`, `EAUTH`, `EENVELOPE`, … */
  code: string | null;
  /** The command that was answered, `CONN` where none was. */
  command: string | null;
  /** The server's reply code, when it replied. */
  reply: number | null;
  /** RFC 3463, e.g. `5.7.1`; null where the server sends none. */
  enhanced: string | null;
  /** A byte of the message has been handed to the connection, which is after the server's 354. */
  data_started: boolean;
}

export class SmtpError extends Error {
  constructor(
    readonly fault: SmtpFault,
    options: { cause: unknown },
  ) {
    super(`SMTP ${fault.reply ?? fault.code ?? 'failure'} at ${fault.command ?? 'no command'}`, options);
    this.name = 'SmtpError';
  }
}

/** Replies that refuse our credential, or us for want of one (RFC 4954). */
const CREDENTIAL_REPLIES = new Set([530, 534, 535, 538]);

/** DEL-4, DEL-7: by reply code, command and phase. */
export function classifySmtp(error: unknown): Classification {
  if (!(error instanceof SmtpError)) {
    return { verdict: 'not_sent_permanent', failure: Failure.from(error), concerns: 'destination' };
  }
  const { code, command, reply, data_started } = error.fault;
  const refused = code === 'EAUTH' && (reply === null || reply >= 500);
  if (refused || (reply !== null && CREDENTIAL_REPLIES.has(reply))) {
    return outcome('not_sent_retryable', 'credential', error, 'AUTHENTICATION_FAILED', named('smtp', reply, code));
  }
  // A reply is a definite answer, whatever the phase; the final dot's 4xx and 5xx say "not accepted" too.
  if (reply !== null && reply >= 500) return permanent(error, command, reply);
  if (reply !== null && reply >= 400) {
    const concerns = command === 'RCPT TO' ? 'recipient' : 'destination';
    return outcome('not_sent_retryable', concerns, error, 'DEPENDENCY_UNAVAILABLE', `smtp_${reply}`);
  }
  if (data_started) {
    return outcome('ambiguous', 'destination', error, 'OUTCOME_UNKNOWN', named('smtp_after_data', null, code));
  }
  if (code === 'EENVELOPE') {
    return outcome('not_sent_permanent', 'recipient', error, 'RECIPIENT_INVALID', 'smtp_invalid_envelope');
  }
  if (code === 'EMESSAGE') {
    // The server's SIZE limit, judged before a byte of the message went out.
    return outcome('not_sent_permanent', 'recipient', error, 'POLICY_REJECTED', 'smtp_message_too_large');
  }
  const error_class = code === 'ETIMEDOUT' || code === 'EABORT' ? 'DEPENDENCY_TIMEOUT' : 'DEPENDENCY_UNAVAILABLE';
  return outcome('not_sent_retryable', 'destination', error, error_class, named('smtp', null, code));
}

/** A refusal of the recipient is the address's fault unless the server names its policy (enhanced code X.7.X). */
function permanent(error: SmtpError, command: string | null, reply: number): Classification {
  const about_recipient = command === 'RCPT TO' && !/^\d\.7\./.test(error.fault.enhanced ?? '');
  const error_class = about_recipient ? 'RECIPIENT_INVALID' : 'POLICY_REJECTED';
  return outcome('not_sent_permanent', 'recipient', error, error_class, `smtp_${reply}`);
}

function named(prefix: string, reply: number | null, code: string | null): string {
  return `${prefix}_${reply ?? (code ?? 'failure').toLowerCase()}`;
}

function outcome(
  verdict: Classification['verdict'],
  concerns: Classification['concerns'],
  error: SmtpError,
  error_class: ErrorClass,
  code: string,
): Classification {
  const failure = new Failure({
    error_class,
    code,
    retryable: verdict === 'not_sent_retryable',
    message: error.message,
    upstream_status: error.fault.reply ?? undefined,
    cause: error,
  });
  return { verdict, failure, concerns };
}
