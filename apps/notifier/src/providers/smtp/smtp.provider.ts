import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { tlsOptions } from '@assay/providers-file';
import type { SmtpSettings } from '@assay/providers-file';
import { createTransport } from 'nodemailer';
import { renderCompactMail, renderMail } from '../../rendering/index.js';
import type { MailPayload, RenderingInput } from '../../rendering/index.js';
import type {
  Capabilities,
  Classification,
  Destination,
  Provider,
  Receipt,
  ReceiverAnswer,
  SendRequest,
} from '../provider.js';
import { evidence, withoutAddress } from '../evidence.js';
import { isMailAddress, mailDomainOf } from '../mail-address.js';
import { connectGuarded } from './guarded-connection.js';
import type { MailServerPlace } from './guarded-connection.js';
import { classifySmtp, SmtpError } from './smtp.classify.js';
import { needsUtf8, takesUtf8 } from './smtp-utf8.js';

export interface SmtpProviderOptions {
  smtp: SmtpSettings;
  /** Also the time that a silent server gets to connect, greet and answer. */
  send_timeout_ms: number;
}

/**
 * Mail over one pooled SMTP connection set (DEL-5). SMTP has neither idempotency nor a way to ask, so what is cut off
 * after DATA is held for an operator (DEL-4).
 */
export class SmtpProvider implements Provider<MailPayload> {
  readonly name = 'smtp';
  readonly channel = 'email';
  readonly capabilities: Capabilities = { idempotent: false, lookup: null, ambiguous_policy: 'hold' };
  readonly #destination: Omit<Destination, 'lane'>;
  readonly #stopWatching: () => void;
  #transport: TransportInUse;
  #takes_utf8 = false;

  constructor(private readonly options: SmtpProviderOptions) {
    this.#transport = new TransportInUse(pooledTransport(options));
    this.#stopWatching = options.smtp.password?.onChange(() => this.#reconnect()) ?? (() => undefined);
    this.#destination = {
      name: 'smtp',
      concurrency: options.smtp.max_connections,
      rate_per_s: options.smtp.rate_per_s,
      max_bytes: options.smtp.max_bytes,
      credentialFingerprint: () => credentialFingerprint(options.smtp),
    };
  }

  destinationOf(address: string): Destination | null {
    if (!isMailAddress(address)) return null;
    return { ...this.#destination, lane: `${this.#destination.name}/${mailDomainOf(address)}` };
  }

  /** Version 1 is the only one so far; a second one stands beside it, never in its place. */
  render(input: RenderingInput, _render_version: number): MailPayload {
    return renderMail(input);
  }

  renderCompact(input: RenderingInput, _render_version: number, max_bytes: number): MailPayload {
    return renderCompactMail(input, max_bytes);
  }

  async send(request: SendRequest<MailPayload>): Promise<Receipt> {
    const { smtp } = this.options;
    const { payload, key } = request;
    const message_id = `<${key}@${smtp.message_id_domain}>`;
    // Nobody has sent the root itself: mail programs group by it all the same (RFC 5322, 3.6.4).
    const thread = `<${payload.thread_id}@${smtp.message_id_domain}>`;
    // An object is never parsed as a list of addresses.
    const to = { name: '', address: request.address };
    const phase: { message: Readable | null } = { message: null };
    try {
      if (needsUtf8(request.address)) await this.#requireUtf8(request.signal);
      const sent = await this.#transport.send({
        from: smtp.from,
        to,
        // No encoding makes them shorter, so a server whose SIZE is below that would refuse the mail after DATA.
        envelope: {
          from: smtp.from,
          to: [to],
          size: Buffer.byteLength(payload.text) + Buffer.byteLength(payload.html),
        },
        subject: payload.subject,
        text: payload.text,
        html: payload.html,
        date: new Date(payload.date),
        messageId: message_id,
        inReplyTo: thread,
        references: thread,
        // Without it the boundary is random and no two attempts would be the same bytes (DEL-12).
        baseBoundary: key.slice(0, 32),
        headers: { 'Auto-Submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal: request.signal,
        assay_phase: phase,
      } as Mail);
      const answer = acceptance(sent.response, request.address);
      return { notification_id: sent.serverMessageId ?? message_id, ...(answer && { answer }) };
    } catch (error) {
      throw smtpError(error, request.address, phase.message?.readableDidRead ?? false);
    }
  }

  classify(error: unknown): Classification {
    return classifySmtp(error);
  }

  close(): Promise<void> {
    this.#stopWatching();
    this.#transport.close();
    return Promise.resolve();
  }

  /** Most mails never ask; a server that has said yes once is not asked again. */
  async #requireUtf8(signal: AbortSignal): Promise<void> {
    if (!this.#takes_utf8) {
      const connection = await connectGuarded(placeOf(this.options));
      this.#takes_utf8 = await takesUtf8({ ...connectionOptions(this.options), connection }, signal);
    }
    if (!this.#takes_utf8) throw Object.assign(new Error('the server has no SMTPUTF8'), { code: 'ENOSMTPUTF8' });
  }

  /** A rotated password is used for the next mail; the old connections finish what they were given (SEC-5). */
  #reconnect(): void {
    const old = this.#transport;
    this.#transport = new TransportInUse(pooledTransport(this.options));
    old.retire();
  }
}

type Mail = Parameters<SmtpTransport['sendMail']>[0];

/** A pool that can be replaced while it sends: one that is closed at once fails the mails that wait in it. */
class TransportInUse {
  #under_way = 0;
  #retired = false;

  constructor(private readonly transport: SmtpTransport) {}

  async send(mail: Mail) {
    this.#under_way += 1;
    try {
      return await this.transport.sendMail(mail);
    } finally {
      this.#under_way -= 1;
      if (this.#retired) this.retire();
    }
  }

  /** Closes it once nothing is under way. */
  retire(): void {
    this.#retired = true;
    if (this.#under_way === 0) this.transport.close();
  }

  close(): void {
    this.transport.close();
  }
}

function placeOf({ smtp, send_timeout_ms }: SmtpProviderOptions): MailServerPlace {
  return { host: smtp.host, port: smtp.port, timeout_ms: send_timeout_ms };
}

type SmtpTransport = ReturnType<typeof pooledTransport>;

function connectionOptions({ smtp, send_timeout_ms }: SmtpProviderOptions) {
  return {
    host: smtp.host,
    port: smtp.port,
    secure: smtp.secure,
    requireTLS: smtp.require_tls,
    tls: tlsOptions(smtp.security),
    connectionTimeout: send_timeout_ms,
    greetingTimeout: send_timeout_ms,
    socketTimeout: send_timeout_ms,
  };
}

function pooledTransport(options: SmtpProviderOptions) {
  const { smtp } = options;
  const transport = createTransport({
    ...connectionOptions(options),
    pool: true,
    auth: smtp.user === null ? undefined : { user: smtp.user, pass: smtp.password?.current().reveal() ?? '' },
    maxConnections: smtp.max_connections,
    maxMessages: 1_000,
    // nodemailer sends again by itself only where a reused connection was gone before a byte of the message was read.
    maxRequeues: 2,
    getSocket: (_options: unknown, done: (error: Error | null, open?: { connection: Socket }) => void) => {
      connectGuarded(placeOf(options)).then((connection) => done(null, { connection }), done);
    },
  });
  // The message's stream is piped to the connection only after the server's 354, so whether it has been read tells
  // on which side of DATA a failure lies. nodemailer's errors do not: a cut connection is `CONN` in both.
  transport.use('stream', (mail, done) => {
    const { message, data } = mail;
    const createReadStream = message.createReadStream.bind(message);
    message.createReadStream = (...args: Parameters<typeof createReadStream>) => {
      const stream = createReadStream(...args);
      const phase = (data as { assay_phase?: { message: Readable | null } }).assay_phase;
      // A reused connection that was gone at once is tried again with a new stream; a first one that was read counts.
      if (phase && !phase.message?.readableDidRead) phase.message = stream as unknown as Readable;
      return stream;
    };
    done();
  });
  return transport;
}

/** What the server said to the whole mail, such as the number that its queue knows it by. */
function acceptance(response: string | undefined, address: string): ReceiverAnswer | null {
  const [, status, text] = /^(\d{3})[ -]?(.*)$/s.exec(response ?? '') ?? [];
  if (status === undefined) return null;
  return { status: Number(status), headers: {}, text: evidence(withoutAddress(text!, address)) };
}

const ENHANCED_STATUS = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/;

function smtpError(error: unknown, address: string, data_started: boolean): unknown {
  const { code, originalCode, command, responseCode, response } = (error ?? {}) as Record<string, unknown>;
  // Anything without nodemailer's code is not about the exchange with the server: a bug, unless bytes had left.
  if (typeof code !== 'string' && !data_started) return error;
  const reply = typeof response === 'string' ? response : '';
  return new SmtpError(
    {
      code: typeof code === 'string' ? code : null,
      node_code: typeof originalCode === 'string' ? originalCode : null,
      command: typeof command === 'string' ? command : null,
      reply: typeof responseCode === 'number' ? responseCode : null,
      enhanced: ENHANCED_STATUS.exec(reply)?.[1] ?? null,
      // Servers like to repeat the address, and the redactor knows those in ASCII only.
      text: evidence(withoutAddress(reply, address)),
      data_started,
      domain: mailDomainOf(address),
    },
    { cause: error instanceof Error ? causeWithout(address, error) : undefined },
  );
}

/** What nodemailer threw, for whoever looks for the cause: its message and stack repeat the reply. */
function causeWithout(address: string, error: Error): Error {
  const { code } = error as { code?: unknown };
  const clean = new Error(withoutAddress(error.message, address));
  clean.stack = withoutAddress(error.stack ?? '', address);
  return Object.assign(clean, { name: error.name, code });
}

function credentialFingerprint(smtp: SmtpSettings): string {
  const password = smtp.password?.current().reveal() ?? '';
  return createHash('sha256')
    .update(JSON.stringify([smtp.host, smtp.port, smtp.user, password]))
    .digest('hex');
}
