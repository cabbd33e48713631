/**
 * Where the local stack's mail and webhooks go: a real SMTP server and a real HTTP receiver in one process, with a third
 * port to read what came and to make both misbehave. Argument: `{"smtp_port", "webhook_port", "control_port", "kept"?}`.
 *
 *   GET    /mails                     what the SMTP server accepted, parsed
 *   GET    /webhooks                  every request the receiver got, and how it was answered
 *   PUT    /behaviour/{endpoint}      {"answer": 410, "headers"?, "only"?} | {"cut": true, "lost"?: true} | {"hang": true} |
 *                                     {"drip": true} | {"greylist": true}, optionally {"times": 2}; the endpoint `smtp`
 *                                     is the mail server
 *   DELETE /behaviour/{endpoint}      back to 204, or 250
 *   DELETE /received                  forget what came
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerSession } from 'smtp-server';
import { MAIL_SERVER } from './sink-types.js';
import type { Behaviour, ReceivedMail, ReceivedWebhook, SinkOptions } from './sink-types.js';

/** A bench sends hundreds of thousands: the totals count on, the records do not. */
const KEPT = 5_000;
const DRIP_MS = 1_000;

const { kept = KEPT, ...ports } = JSON.parse(process.argv[2] ?? '{}') as SinkOptions;
/** As it came: most are never asked for, and a sink must cost a bench little. */
type RawWebhook = Omit<ReceivedWebhook, 'headers' | 'body'> & { headers: IncomingMessage['headers']; body: Buffer };
const received = { mails: [] as ReceivedMail[], webhooks: [] as RawWebhook[] };
const totals = { mails: 0, webhooks: 0 };
const behaviours = new Map<string, Behaviour>();

function keep<T>(list: T[], entry: T): void {
  list.push(entry);
  if (list.length > kept) list.shift();
}

function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}

function readable({ headers, body, ...rest }: RawWebhook): ReceivedWebhook {
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  return { ...rest, headers: Object.fromEntries(texts), body: body.toString() };
}

/** What to do with this request or mail; `times` counts down to the usual answer. */
function behaviourOf(endpoint: string, body: Buffer | string = ''): Behaviour {
  const behaviour = behaviours.get(endpoint);
  if (behaviour === undefined || !body.includes(behaviour.only ?? '')) return {};
  if (behaviour.times !== undefined) {
    behaviour.times -= 1;
    if (behaviour.times <= 0) behaviours.delete(endpoint);
  }
  return behaviour;
}

/** Null where there is an answer. */
function misdeed({ cut, hang, lost }: Behaviour): 'cut' | 'hang' | 'lost' | null {
  if (cut) return lost ? 'lost' : 'cut';
  return hang ? 'hang' : null;
}

async function receiveWebhook(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const received_at_ms = performance.timeOrigin + performance.now();
  const body = await bodyOf(request);
  const endpoint = (request.url ?? '/').split('/').at(-1) ?? '';
  const behaviour = behaviourOf(endpoint, body);
  const answered = misdeed(behaviour) ?? behaviour.answer ?? (behaviour.drip ? 200 : 204);
  totals.webhooks += 1;
  keep(received.webhooks, { endpoint, headers: request.headers, body, answered, received_at_ms });
  if (answered === 'cut' || answered === 'lost') request.socket.resetAndDestroy();
  else if (answered === 'hang') return;
  else if (behaviour.drip) dripInto(response);
  else response.writeHead(answered, behaviour.headers).end();
}

function dripInto(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain' });
  const timer = setInterval(() => response.write('.'), DRIP_MS);
  response.on('close', () => clearInterval(timer));
}

async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, noun, name] = (request.url ?? '/').split('/');
  const answer = (status: number, body?: unknown): void => {
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(body === undefined ? '' : JSON.stringify(body));
  };
  if (request.method === 'GET' && noun === 'mails') answer(200, { total: totals.mails, mails: received.mails });
  else if (request.method === 'GET' && noun === 'webhooks')
    answer(200, { total: totals.webhooks, webhooks: received.webhooks.map(readable) });
  else if (noun === 'behaviour' && name && request.method === 'PUT') {
    behaviours.set(name, JSON.parse((await bodyOf(request)).toString()) as Behaviour);
    answer(204);
  } else if (noun === 'behaviour' && name && request.method === 'DELETE') {
    behaviours.delete(name);
    answer(204);
  } else if (noun === 'received' && request.method === 'DELETE') {
    received.mails.length = received.webhooks.length = 0;
    answer(204);
  } else answer(404, { error: 'see infra/local/sinks.ts' });
}

function keepMail(mail: ParsedMail, session: SMTPServerSession, answered: ReceivedMail['answered']): void {
  totals.mails += 1;
  keep(received.mails, {
    envelope_to: session.envelope.rcptTo.map((to) => to.address),
    from: mail.from?.text ?? '',
    subject: mail.subject ?? '',
    message_id: mail.messageId ?? '',
    text: mail.text ?? '',
    html: typeof mail.html === 'string' ? mail.html : '',
    answered,
    headers: Object.fromEntries(mail.headerLines.map((each) => [each.key, each.line])),
  });
}

/** The peer's port tells the connections of one machine apart; the server's own list of them is private. */
function cutMailConnection({ remotePort }: SMTPServerSession): void {
  mailSockets.get(remotePort)?.resetAndDestroy();
}

const mailSockets = new Map<number, Socket>();
const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  logger: false,
  onRcptTo(_address, _session, done) {
    if (!behaviours.get(MAIL_SERVER)?.greylist) return done();
    done(Object.assign(new Error('4.7.1 Greylisted, please try again later'), { responseCode: 451 }));
  },
  onData(stream, session, done) {
    simpleParser(stream).then((mail) => {
      const answered = misdeed(behaviourOf(MAIL_SERVER)) ?? 250;
      if (answered !== 'lost') keepMail(mail, session, answered);
      if (answered === 250) done();
      else if (answered !== 'hang') cutMailConnection(session);
    }, done);
  },
});
smtp.on('error', (error) => console.error(error));
smtp.server.on('connection', (socket: Socket) => {
  const port = socket.remotePort ?? 0;
  mailSockets.set(port, socket);
  socket.on('close', () => mailSockets.delete(port));
});

function serve(port: number, handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): void {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  });
  // A pooled client may keep its connection for as long as it likes; one that the server ends at the wrong moment
  // would look like a cut that nobody asked for.
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
}

smtp.listen(ports.smtp_port, '127.0.0.1');
serve(ports.webhook_port, receiveWebhook);
serve(ports.control_port, control);
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(0));
