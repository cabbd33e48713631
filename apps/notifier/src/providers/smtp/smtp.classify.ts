import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';
import { connectionFault } from '../connection-fault.js';
import type { Classification } from '../provider.js';

/** What nodemailer says about a failed send, and what only the transport could see. */
export interface SmtpFault {
  /** nodemailer's code: `ECONNECTION`, `EAUTH`, `EENVELOPE`, …; `ENOSMTPUTF8` is our own. */
  code: string | null;
  /** Node's own code for why the connection failed, where there is one. */
  node_code: string | null;
  /** The command that was answered, `CONN` where none was. */
  command: string | null;
  /** The server's reply code, when it replied. */
  reply: number | null;
  /** RFC 3463, e.g. `5.7.1`; null where the server sends none. */
  enhanced: string | null;
  /** The reply as evidence (DLQ-3). */
  text: string;
  /** A byte of the message has been handed to the connection, which is after the server's 354. */
  data_started: boolean;
  /** The recipient's domain, in ASCII. */
  domain: string;
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
/** Addresses beyond ASCII are not taken (RFC 6531, section 3.6). */
const NO_SMTPUTF8 = new Set<string | null>(['5.6.7', '5.6.9']);

/** DEL-4, DEL-7: by reply code, command and phase. */
export function classifySmtp(error: unknown): Classification {
  if (!(error instanceof SmtpError)) {
    return { verdict: 'not_sent_permanent', failure: Failure.from(error), concerns: 'destination' };
  }
  const { reply, text } = error.fault;
  if (reply === null) return classifySilence(error);
  const said = reply >= 400 ? classifyReply(error, reply) : classifySilence(error);
  return { ...said, answer: { status: reply, headers: {}, text } };
}

/** A reply is a definite answer, whatever the phase; the final dot's 4xx and 5xx say "not accepted" too. */
function classifyReply(error: SmtpError, reply: number): Classification {
  const { code, command, enhanced, data_started, domain } = error.fault;
  const named = `smtp_${reply}`;
  if (CREDENTIAL_REPLIES.has(reply) || (code === 'EAUTH' && reply >= 500)) {
    return outcome('not_sent_retryable', 'credential', error, 'AUTHENTICATION_FAILED', named);
  }
  if (enhanced === '5.3.4' || (reply === 552 && command === 'MAIL FROM')) return tooLarge(error);
  if (NO_SMTPUTF8.has(enhanced)) return withoutUtf8(error);
  const phase = data_started ? 'DATA' : command;
  if (reply === 421 || (phase !== 'RCPT TO' && phase !== 'DATA')) {
    // Of the greeting, HELO and MAIL FROM every mail hears the same.
    const refused = outcome('not_sent_retryable', 'destination', error, 'DEPENDENCY_UNAVAILABLE', named);
    return { ...refused, stays: reply >= 500 };
  }
  if (reply < 500) return outcome('not_sent_retryable', 'recipient', error, 'DEPENDENCY_UNAVAILABLE', named);
  const by_policy = enhanced?.startsWith('5.7.') ?? false;
  const error_class = phase === 'RCPT TO' && !by_policy ? 'RECIPIENT_INVALID' : 'POLICY_REJECTED';
  const refused = outcome('not_sent_permanent', 'recipient', error, error_class, named);
  // One domain may refuse us; where several do, it is the server that we send through (DEL-7).
  return by_policy ? { ...refused, suspected: { of: 'destination', counted_by: domain } } : refused;
}

function classifySilence(error: SmtpError): Classification {
  const { code, node_code, data_started } = error.fault;
  if (data_started)
    return outcome('ambiguous', 'destination', error, 'OUTCOME_UNKNOWN', named('smtp_after_data', code));
  if (code === 'EAUTH')
    return outcome('not_sent_retryable', 'credential', error, 'AUTHENTICATION_FAILED', 'smtp_eauth');
  if (code === 'EENVELOPE') {
    return outcome('not_sent_permanent', 'recipient', error, 'RECIPIENT_INVALID', 'smtp_invalid_envelope');
  }
  // The server's SIZE limit, judged before a byte of the message went out.
  if (code === 'EMESSAGE') return tooLarge(error);
  if (code === 'ENOSMTPUTF8') return withoutUtf8(error);
  // Mails wait behind the server's name, wherever it leads to meanwhile: no recipient has chosen it.
  const fault = node_code === 'ASSAY_FORBIDDEN_ADDRESS' ? 'forbidden_address' : connectionFault(node_code);
  if (fault !== null) {
    return { ...outcome('not_sent_retryable', 'destination', error, 'DEPENDENCY_UNAVAILABLE', fault), stays: true };
  }
  const error_class = code === 'ETIMEDOUT' || code === 'EABORT' ? 'DEPENDENCY_TIMEOUT' : 'DEPENDENCY_UNAVAILABLE';
  return outcome('not_sent_retryable', 'destination', error, error_class, named('smtp', code));
}

function tooLarge(error: SmtpError): Classification {
  const refused = outcome('not_sent_permanent', 'recipient', error, 'POLICY_REJECTED', 'smtp_message_too_large');
  return { ...refused, too_large: true };
}

function withoutUtf8(error: SmtpError): Classification {
  return outcome('not_sent_permanent', 'recipient', error, 'RECIPIENT_INVALID', 'smtp_no_smtputf8');
}

function named(prefix: string, code: string | null): string {
  return `${prefix}_${(code ?? 'failure').toLowerCase()}`;
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
