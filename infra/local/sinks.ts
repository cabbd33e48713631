/**
 * Where the local stack's mail and webhooks go: a real SMTP server and a real HTTP receiver in one process, with a third
 * port to read what came and to make the receiver misbehave. Argument: `{"smtp_port", "webhook_port", "control_port"}`.
 *
 *   GET    /mails                     what the SMTP server took, parsed
 *   GET    /webhooks                  every request the receiver got, and how it was answered
 *   PUT    /behaviour/{endpoint}      {"answer": 410} | {"cut": true} | {"hang": true}, optionally {"times": 2}
 *   DELETE /behaviour/{endpoint}      back to 204
 *   DELETE /received                  forget what came
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import type { Behaviour, ReceivedMail, ReceivedWebhook, SinkPorts } from './sink-types.js';

/** A bench sends hundreds of thousands: the totals count on, the records do not. */
const KEPT = 5_000;

const ports = JSON.parse(process.argv[2] ?? '{}') as SinkPorts;
const received = { mails: [] as ReceivedMail[], webhooks: [] as ReceivedWebhook[] };
const totals = { mails: 0, webhooks: 0 };
const behaviours = new Map<string, Behaviour>();

function keep<T>(list: T[], entry: T): void {
  list.push(entry);
  if (list.length > KEPT) list.shift();
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What to do with this request; `times` counts down to the usual answer. */
function behaviourOf(endpoint: string): Behaviour {
  const behaviour = behaviours.get(endpoint);
  if (behaviour === undefined) return { answer: 204 };
  if (behaviour.times !== undefined) {
    behaviour.times -= 1;
    if (behaviour.times <= 0) behaviours.delete(endpoint);
  }
  return behaviour;
}

async function receiveWebhook(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const received_at_ms = performance.timeOrigin + performance.now();
  const body = await bodyOf(request);
  const endpoint = (request.url ?? '/').split('/').at(-1) ?? '';
  const behaviour = behaviourOf(endpoint);
  const answered = behaviour.cut ? 'cut' : behaviour.hang ? 'hang' : (behaviour.answer ?? 204);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  totals.webhooks += 1;
  keep(received.webhooks, { endpoint, headers, body: body.toString(), answered, received_at_ms });
  if (answered === 'cut') request.socket.destroy();
  else if (answered !== 'hang') response.writeHead(answered).end();
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
    answer(200, { total: totals.webhooks, webhooks: received.webhooks });
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

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  logger: false,
  onData(stream, session, done) {
    simpleParser(stream).then((mail) => {
      totals.mails += 1;
      const headers = Object.fromEntries(mail.headerLines.map((each) => [each.key, each.line]));
      keep(received.mails, {
        envelope_to: session.envelope.rcptTo.map((to) => to.address),
        from: mail.from?.text ?? '',
        subject: mail.subject ?? '',
        message_id: mail.messageId ?? '',
        text: mail.text ?? '',
        html: typeof mail.html === 'string' ? mail.html : '',
        headers,
      });
      done();
    }, done);
  },
});
smtp.on('error', (error) => console.error(error));

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
