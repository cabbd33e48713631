/**
 * Where the local stack tells people: a mail server (SMTP), two mail services (HTTP), Slack-compatible hooks and webhook
 * endpoints in one process, each at the wire, with a third port to read what came and to make them misbehave. Argument:
 * {@link SinkOptions} as JSON.
 *
 *   GET    /mails                     mails that people got, by SMTP and by mail services
 *   GET    /webhooks                  every webhook that came, and how it was answered
 *   GET    /slack                     messages that stand in chats, and how often a hook said `rate_limited`
 *   GET    /totals                    how many of each have come, whatever is kept of them
 *   PUT    /behaviour/{receiver}      {"answer": 410, "headers"?, "only"?, "accepted"?} | {"cut": true, "lost"?: true} |
 *                                     {"hang": true} | {"drip": true} | {"greylist": true}, optionally {"times": 2}, and
 *                                     {"after_ms": 500} of a webhook endpoint; a receiver is a webhook endpoint,
 *                                     `smtp`, `mail_api:<service>` or `slack:<hook>`
 *   DELETE /behaviour/{receiver}      back to usual
 *   DELETE /received                  forget what came
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerSession } from 'smtp-server';
import type { HttpAnswer, HttpRequest } from './receivers/http-messages.js';
import { MailApi } from './receivers/mail-api.js';
import type { AcceptedApiMail } from './receivers/mail-dialects.js';
import { SlackHook } from './receivers/slack-hook.js';
import { MAIL_SERVER, SINK_MAIL_SERVICES } from './sink-types.js';
import type { Behaviour, ReceivedChat, ReceivedMail, ReceivedWebhook } from './sink-types.js';
import type { SinkMailService, SinkOptions, SinkSecrets } from './sink-types.js';

/** A bench sends hundreds of thousands: the totals count on, the records do not. */
const KEPT = 5_000;
const DRIP_MS = 1_000;
/** As Slack has it. */
const MESSAGES_PER_S = 1;
/** How long a mail service's searches do not show a mail. */
const SEARCH_LAG_MS = 300;

const { kept = KEPT, secrets_file, ...ports } = JSON.parse(process.argv[2] ?? '{}') as SinkOptions;
const secrets = JSON.parse(readFileSync(secrets_file, 'utf8')) as SinkSecrets;
const mail_services = new Map<string, MailApi>(
  SINK_MAIL_SERVICES.map((service) => [
    service,
    new MailApi({ service, token: secrets.mail_api_token, lag_ms: SEARCH_LAG_MS }),
  ]),
);
const hooks = new Map(
  Object.entries(secrets.slack_paths).map(([name, path]) => [
    path,
    { name, hook: new SlackHook(path, MESSAGES_PER_S) },
  ]),
);
/** As it came: most are never asked for, and a sink must cost a bench little. */
type RawWebhook = Omit<ReceivedWebhook, 'headers' | 'body'> & { headers: IncomingMessage['headers']; body: Buffer };
const received = { mails: [] as ReceivedMail[], webhooks: [] as RawWebhook[], messages: [] as ReceivedChat[] };
const totals = { mails: 0, webhooks: 0, messages: 0 };
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

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const received_at_ms = performance.timeOrigin + performance.now();
  const body = await bodyOf(request);
  const path = request.url ?? '/';
  const [, room = '', name = ''] = path.split('/');
  const service = mail_services.get(name);
  if (room === 'mail-api' && service) {
    const below = path.slice(`/mail-api/${name}`.length);
    takeMail(name as SinkMailService, service, { headers: request.headers, path: below, body }, response);
  } else if (room === 'services') {
    takeMessage({ headers: request.headers, path, body }, received_at_ms, response);
  } else {
    const endpoint = path.split('/').at(-1) ?? '';
    await takeWebhook({ endpoint, headers: request.headers, body, received_at_ms }, response);
  }
}

async function takeWebhook(webhook: Omit<RawWebhook, 'answered'>, response: ServerResponse): Promise<void> {
  const behaviour = behaviourOf(webhook.endpoint, webhook.body);
  const answered = misdeed(behaviour) ?? behaviour.answer ?? (behaviour.drip ? 200 : 204);
  totals.webhooks += 1;
  keep(received.webhooks, { ...webhook, answered });
  if (behaviour.after_ms !== undefined) await delay(behaviour.after_ms);
  if (behaviour.drip) return dripInto(response);
  answerAs(answered, { status: Number(answered), headers: behaviour.headers ?? {}, body: '' }, response);
}

function takeMail(via: SinkMailService, service: MailApi, request: HttpRequest, response: ServerResponse): void {
  const behaviour = behaviourOf(`mail_api:${via}`, request.body);
  converse(behaviour, response, () => {
    const { answer, is_new, taken } = service.handle(request);
    return { answer, keep: (answered) => taken && is_new && keepApiMail(via, taken, request, answered) };
  });
}

function takeMessage(request: HttpRequest, received_at_ms: number, response: ServerResponse): void {
  const { name, hook } = hooks.get(request.path) ?? { name: 'none', hook: new SlackHook('none', null) };
  converse(behaviourOf(`slack:${name}`, request.body), response, () => {
    const { answer, posted } = hook.handle(request);
    return {
      answer,
      keep: (answered) => {
        if (posted === null) return;
        totals.messages += 1;
        const { blocks, text } = posted;
        keep(received.messages, { hook: name, text, blocks, answered, received_at_ms });
      },
    };
  });
}

type Handled = { answer: HttpAnswer; keep(answered: ReceivedChat['answered']): void };

/** The receiver itself is not asked where the behaviour says that nothing was accepted. */
function converse(behaviour: Behaviour, response: ServerResponse, handle: () => Handled): void {
  const { accepted = false, answer, headers = {} } = behaviour;
  const said = answer === undefined ? null : { status: answer, headers, body: '' };
  const end = misdeed(behaviour);
  if (end === 'lost') return answerAs('lost', null, response);
  if (said && !accepted) return answerAs(said.status, said, response);
  const handled = handle();
  const last = said ?? handled.answer;
  handled.keep(end ?? last.status);
  answerAs(end ?? last.status, last, response);
}

function answerAs(end: ReceivedWebhook['answered'], answer: HttpAnswer | null, response: ServerResponse): void {
  if (end === 'cut' || end === 'lost') response.socket?.resetAndDestroy();
  else if (end !== 'hang' && answer) response.writeHead(answer.status, answer.headers).end(answer.body);
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
  if (request.method === 'GET' && noun === 'totals') answer(200, totals);
  else if (request.method === 'GET' && noun === 'mails') answer(200, { total: totals.mails, mails: received.mails });
  else if (request.method === 'GET' && noun === 'webhooks')
    answer(200, { total: totals.webhooks, webhooks: received.webhooks.map(readable) });
  else if (request.method === 'GET' && noun === 'slack')
    answer(200, { total: totals.messages, rate_limited: rateLimited(), messages: received.messages });
  else if (noun === 'behaviour' && name && request.method === 'PUT') {
    behaviours.set(name, JSON.parse((await bodyOf(request)).toString()) as Behaviour);
    answer(204);
  } else if (noun === 'behaviour' && name && request.method === 'DELETE') {
    behaviours.delete(name);
    answer(204);
  } else if (noun === 'received' && request.method === 'DELETE') {
    received.mails.length = received.webhooks.length = received.messages.length = 0;
    answer(204);
  } else answer(404, { error: 'see infra/local/sinks.ts' });
}

function rateLimited(): number {
  return [...hooks.values()].reduce((sum, { hook }) => sum + hook.rate_limited, 0);
}

function keepApiMail(
  via: SinkMailService,
  { from, html, key, subject, text, to }: AcceptedApiMail,
  request: HttpRequest,
  answered: ReceivedMail['answered'],
): void {
  totals.mails += 1;
  const shown = Object.entries(request.headers).filter(([name]) => !/^(authorization|x-.*-token)$/.test(name));
  const headers = Object.fromEntries(shown.map(([name, value]) => [name, String(value)]));
  keep(received.mails, { via, envelope_to: [to], from, subject, message_id: key, text, html, answered, headers });
}

function keepMail(mail: ParsedMail, session: SMTPServerSession, answered: ReceivedMail['answered']): void {
  totals.mails += 1;
  keep(received.mails, {
    via: MAIL_SERVER,
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

/** Neither part is made from the other, which would cost as much as reading both. */
const AS_IT_CAME = { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, skipTextLinks: true };

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
    simpleParser(stream, AS_IT_CAME).then((mail) => {
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
serve(ports.webhook_port, receive);
serve(ports.control_port, control);
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(0));
