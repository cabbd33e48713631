import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import type { ServerCertificate } from '@assay/testing';

/** How the server treats the next mails. */
export type MailBehaviour =
  | 'accept'
  | 'refuse_connection'
  | 'refuse_helo'
  | 'refuse_sender'
  | 'busy_for_sender'
  | 'too_large'
  | 'too_large_by_status'
  | 'close_within_envelope'
  | 'close_at_the_end'
  | 'refuse_at_length'
  | 'refuse_recipient'
  | 'refuse_content'
  | 'refuse_by_policy'
  | 'busy'
  | 'busy_at_the_end'
  | 'refuse_credential'
  | 'cut_before_data'
  | 'cut_after_accepting'
  | 'silent_after_accepting'
  | 'slow_answer'
  | 'huge_answer'
  | 'half_closed'
  | 'renegotiate';

export interface AcceptedMail {
  recipients: string[];
  raw: Buffer;
  /** Came over TLS. */
  secure: boolean;
}

type Done = (error?: Error | null) => void;

function reply(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

/** Servers like to repeat the address. */
const noSuchMailbox = (address: string): Error => reply(550, `5.1.1 <${address}> no such mailbox`);

type Phase = 'connect' | 'mail' | 'rcpt' | 'data';

/** What is answered, and to what. */
const REPLIES: Partial<Record<MailBehaviour, [Phase, Error]>> = {
  refuse_connection: ['connect', reply(554, '5.3.2 no service here')],
  refuse_sender: ['mail', reply(550, '5.7.1 sender not allowed')],
  busy_for_sender: ['mail', reply(451, '4.3.0 try later')],
  too_large: ['mail', reply(552, '5.2.3 too long')],
  too_large_by_status: ['mail', reply(550, '5.3.4 message too big for system')],
  close_within_envelope: ['rcpt', reply(421, '4.3.2 shutting down')],
  refuse_at_length: ['rcpt', reply(550, `5.1.1 <dev@example.org> password=tangerine ${'x '.repeat(3_000)}`)],
  refuse_by_policy: ['rcpt', reply(550, '5.7.1 not allowed here')],
  busy: ['rcpt', reply(451, '4.7.1 greylisted, try later')],
  refuse_content: ['data', reply(554, '5.7.1 looks like spam')],
  busy_at_the_end: ['data', reply(452, '4.3.1 no room')],
  close_at_the_end: ['data', reply(421, '4.3.2 shutting down')],
};

const LONG_LINE = `250-${'x'.repeat(60_000)}\r\n`;

/** What comes on the bare connection instead of the answer to a mail. */
const ODD_ANSWERS: Partial<Record<MailBehaviour, (socket: Socket) => void>> = {
  slow_answer: (socket) => {
    const timer = setInterval(() => socket.write('250-not yet\r\n'), 50);
    socket.on('close', () => clearInterval(timer));
  },
  huge_answer: (socket) => {
    const pour = (): void => {
      while (!socket.destroyed && socket.write(LONG_LINE));
    };
    socket.on('drain', pour);
    pour();
  },
  half_closed: (socket) => void socket.end(),
};

export interface MailServerOptions {
  user?: string;
  password?: string;
  /** Whether SMTPUTF8 is announced. */
  utf8?: boolean;
  /** Whether PIPELINING is announced. */
  pipelining?: boolean;
  /** The size that is announced, in bytes. */
  size?: number;
  /** STARTTLS is offered with it, and not at all without. */
  certificate?: ServerCertificate;
  /** TLS from the first byte instead. */
  implicit_tls?: boolean;
  host?: string;
}

/** A real SMTP server behind connections that can be cut at will. */
export class MailServer {
  readonly accepted: AcceptedMail[] = [];
  /** Connections opened so far. */
  connections = 0;
  readonly #sockets = new Set<Socket>();
  readonly #smtp: SMTPServer;
  readonly #front: Server;
  readonly #host: string;
  #secured: TLSSocket | null = null;
  readonly #speaks_tls: boolean;
  #behaviour: MailBehaviour = 'accept';

  public password: string;

  constructor(options: MailServerOptions) {
    const { user, password = '', utf8 = true, pipelining = true, size, certificate } = options;
    const { implicit_tls = false, host = '127.0.0.1' } = options;
    this.#host = host;
    this.password = password;
    this.#smtp = new SMTPServer({
      ...certificate,
      secure: implicit_tls,
      size,
      hideSMTPUTF8: !utf8,
      hidePIPELINING: !pipelining,
      authOptional: user === undefined,
      disabledCommands: [...(certificate ? [] : ['STARTTLS']), ...(user === undefined ? ['AUTH'] : [])],
      allowInsecureAuth: true,
      disableReverseLookup: true,
      closeTimeout: 100,
      onConnect: (session, done) => {
        if (this.#behaviour === 'refuse_helo') session.disabledCommands = ['EHLO', 'HELO'];
        done(this.#reply('connect'));
      },
      onAuth: ({ username, password: given }, _session, done) =>
        username === user && given === this.password && this.#behaviour !== 'refuse_credential'
          ? done(null, { user: username })
          : done(reply(535, '5.7.8 authentication failed')),
      onSecure: (socket, _session, done) => {
        this.#secured = socket as unknown as TLSSocket;
        done();
      },
      onMailFrom: (_address, _session, done) => {
        if (this.#behaviour === 'renegotiate') this.#secured!.renegotiate({}, (error) => done(error));
        else done(this.#reply('mail'));
      },
      onRcptTo: ({ address }, _session, done) => {
        if (this.#behaviour === 'cut_before_data') return this.cut();
        done(this.#behaviour === 'refuse_recipient' ? noSuchMailbox(address) : this.#reply('rcpt'));
      },
      onData: (stream, session, done) => this.#take(stream, session, done),
    });
    // A handshake that a client has given up is no fault of the test.
    this.#smtp.on('error', () => undefined);
    this.#speaks_tls = certificate !== undefined;
    this.#front = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
      this.#smtp.server.emit('connection', socket);
    });
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  async listen(): Promise<this> {
    await once(this.#smtp.listen(0, '127.0.0.1'), 'listening');
    await once(this.#front.listen(0, this.#host), 'listening');
    return this;
  }

  behave(behaviour: MailBehaviour): void {
    this.#behaviour = behaviour;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    // A socket that is destroyed beneath its TLS takes the process along; the server ends those itself.
    if (!this.#speaks_tls) this.cut();
    await Promise.all([once(this.#front.close(), 'close'), new Promise<void>((done) => this.#smtp.close(done))]);
  }

  #reply(phase: Phase): Error | undefined {
    const [at, error] = REPLIES[this.#behaviour] ?? [];
    return at === phase ? error : undefined;
  }

  #take(stream: SMTPServerDataStream, session: SMTPServerSession, done: Done): void {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const refusal = this.#reply('data');
      if (refusal) return done(refusal);
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      this.accepted.push({ recipients, raw: Buffer.concat(chunks), secure: session.secure });
      if (this.#behaviour === 'silent_after_accepting') return;
      if (this.#behaviour === 'cut_after_accepting') return this.cut();
      const odd = ODD_ANSWERS[this.#behaviour];
      if (odd === undefined) return done();
      odd([...this.#sockets].find(({ remotePort }) => remotePort === session.remotePort)!);
    });
  }
}

export function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  return new MailServer(options).listen();
}
