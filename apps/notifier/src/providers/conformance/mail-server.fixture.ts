import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server';

/** How the server treats the next mails. */
export type MailBehaviour =
  | 'accept'
  | 'refuse_recipient'
  | 'refuse_content'
  | 'refuse_by_policy'
  | 'busy'
  | 'busy_at_the_end'
  | 'refuse_credential'
  | 'cut_before_data'
  | 'cut_after_accepting'
  | 'silent_after_accepting';

export interface AcceptedMail {
  recipients: string[];
  raw: Buffer;
}

type Done = (error?: Error | null) => void;

function reply(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

const RCPT_REPLIES: Partial<Record<MailBehaviour, Error>> = {
  refuse_recipient: reply(550, '5.1.1 no such mailbox'),
  refuse_by_policy: reply(550, '5.7.1 not allowed here'),
  busy: reply(451, '4.3.2 try later'),
};
const DATA_REPLIES: Partial<Record<MailBehaviour, Error>> = {
  refuse_content: reply(554, '5.7.1 looks like spam'),
  busy_at_the_end: reply(452, '4.3.1 no room'),
};

/** A real SMTP server behind connections that can be cut at will. */
export class MailServer {
  readonly accepted: AcceptedMail[] = [];
  /** Connections opened so far. */
  connections = 0;
  readonly #sockets = new Set<Socket>();
  readonly #smtp: SMTPServer;
  readonly #front: Server;
  #behaviour: MailBehaviour = 'accept';

  constructor(
    private readonly user: string | null,
    public password: string,
  ) {
    this.#smtp = new SMTPServer({
      authOptional: user === null,
      disabledCommands: ['STARTTLS', ...(user === null ? ['AUTH'] : [])],
      allowInsecureAuth: true,
      disableReverseLookup: true,
      closeTimeout: 100,
      onAuth: ({ username, password: given }, _session, done) =>
        username === this.user && given === this.password && this.#behaviour !== 'refuse_credential'
          ? done(null, { user: username })
          : done(reply(535, '5.7.8 authentication failed')),
      onRcptTo: (_address, _session, done) =>
        this.#behaviour === 'cut_before_data' ? this.cut() : done(RCPT_REPLIES[this.#behaviour]),
      onData: (stream, session, done) => this.#take(stream, session, done),
    });
    this.#front = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
      this.#smtp.server.emit('connection', socket);
    });
  }

  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  async listen(): Promise<this> {
    await once(this.#smtp.listen(0, '127.0.0.1'), 'listening');
    await once(this.#front.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  behave(behaviour: MailBehaviour): void {
    this.#behaviour = behaviour;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await Promise.all([once(this.#front.close(), 'close'), new Promise<void>((done) => this.#smtp.close(done))]);
  }

  #take(stream: SMTPServerDataStream, session: SMTPServerSession, done: Done): void {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const refusal = DATA_REPLIES[this.#behaviour];
      if (refusal) return done(refusal);
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      this.accepted.push({ recipients, raw: Buffer.concat(chunks) });
      if (this.#behaviour === 'silent_after_accepting') return;
      if (this.#behaviour === 'cut_after_accepting') return this.cut();
      done();
    });
  }
}

export function startMailServer(options: { user?: string; password?: string } = {}): Promise<MailServer> {
  return new MailServer(options.user ?? null, options.password ?? '').listen();
}
