import { createHash, randomUUID } from 'node:crypto';
import { answer, startHttpReceiver } from './http-receiver.fixture.js';
import type { HttpBehaviour, HttpReceiver, ReceivedRequest } from './http-receiver.fixture.js';
import type { Certificate } from './self-signed.fixture.js';

export type MailService = 'resend' | 'postmark' | 'mailgun' | 'sendgrid';
export const MAIL_API_TOKEN = 'mail-api-token-1';

export interface AcceptedApiMail {
  id: string;
  key: string;
  to: string;
  /** Whole, as it came. */
  body: string;
}

/** How one service reads a request and words its answers, as far as its documentation says. */
interface Dialect {
  path: string;
  authorized(request: ReceivedRequest): boolean;
  mail(request: ReceivedRequest): { key: string; to: string; complete: boolean };
  sent(id: string): HttpBehaviour;
  unauthorized: HttpBehaviour;
  tooLarge: HttpBehaviour;
  incomplete: HttpBehaviour;
  remembers_keys: boolean;
  found?(request: ReceivedRequest, mails: readonly AcceptedApiMail[]): HttpBehaviour | null;
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}): HttpBehaviour =>
  answer(status, { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
const bearer = ({ headers }: ReceivedRequest): boolean => headers.authorization === `Bearer ${MAIL_API_TOKEN}`;
const parsed = <T>({ body }: ReceivedRequest): T => JSON.parse(body.toString()) as T;
const query = ({ path }: ReceivedRequest): URLSearchParams => new URL(path, 'http://x').searchParams;
const resendError = (statusCode: number, name: string, headers = {}) =>
  json(statusCode, { statusCode, name, message: `${name} it is` }, headers);

const RESEND: Dialect = {
  path: '/emails',
  authorized: bearer,
  mail: (request) => {
    const mail = parsed<{ from?: string; to?: string[]; subject?: string; text?: string; html?: string }>(request);
    const complete = Boolean(mail.from && mail.to?.length && mail.subject && mail.text && mail.html);
    return { key: String(request.headers['idempotency-key'] ?? ''), to: mail.to?.[0] ?? '', complete };
  },
  sent: (id) => json(200, { id }),
  unauthorized: resendError(403, 'invalid_api_key'),
  tooLarge: resendError(413, 'payload_too_large'),
  incomplete: resendError(422, 'missing_required_field'),
  remembers_keys: true,
};

const POSTMARK: Dialect = {
  path: '/email',
  authorized: ({ headers }) => headers['x-postmark-server-token'] === MAIL_API_TOKEN,
  mail: (request) => {
    const mail = parsed<Record<'From' | 'To' | 'Subject' | 'TextBody' | 'HtmlBody', string> & { Metadata?: object }>(
      request,
    );
    const metadata = (mail.Metadata ?? {}) as Record<string, string>;
    const short = Object.entries(metadata).every(([name, value]) => name.length <= 20 && value.length <= 80);
    const complete = Boolean(mail.From && mail.To && mail.Subject && mail.TextBody && mail.HtmlBody && short);
    return { key: metadata['assay_key'] ?? '', to: mail.To, complete };
  },
  sent: (MessageID) =>
    json(200, { To: 'x', SubmittedAt: '2026-11-30T10:00:00Z', MessageID, ErrorCode: 0, Message: 'OK' }),
  unauthorized: json(401, { ErrorCode: 10, Message: 'No Account or Server API tokens were supplied' }),
  tooLarge: json(413, { ErrorCode: 0, Message: 'Payload too large' }),
  incomplete: json(422, { ErrorCode: 300, Message: 'Invalid email request' }),
  remembers_keys: false,
  found: (request, mails) => {
    const by_id = /^\/messages\/outbound\/([^/]+)\/details$/.exec(request.path)?.[1];
    if (by_id !== undefined) {
      const mail = mails.find(({ id }) => id === by_id);
      return mail ? json(200, { MessageID: mail.id, Status: 'Sent' }) : json(404, { ErrorCode: 701, Message: 'No' });
    }
    if (!request.path.startsWith('/messages/outbound?')) return null;
    const asked = query(request);
    if (!asked.has('count') || !asked.has('offset')) return json(422, { ErrorCode: 700, Message: 'count, offset' });
    const Messages = mails
      .filter(({ key }) => key === asked.get('metadata_assay_key'))
      .map(({ id }) => ({ MessageID: id }));
    return json(200, { TotalCount: Messages.length, Messages: Messages.slice(0, Number(asked.get('count'))) });
  },
};

const MAILGUN: Dialect = {
  path: '/v3/example.org/messages',
  authorized: ({ headers }) =>
    headers.authorization === `Basic ${Buffer.from(`api:${MAIL_API_TOKEN}`).toString('base64')}`,
  mail: ({ body }) => {
    const form = new URLSearchParams(body.toString());
    const complete = ['from', 'to', 'subject', 'text', 'html'].every((name) => Boolean(form.get(name)));
    return { key: form.get('v:assay_key') ?? '', to: form.get('to') ?? '', complete };
  },
  sent: (id) => json(200, { id, message: 'Queued. Thank you.' }),
  unauthorized: answer(401, {}, 'Forbidden'),
  tooLarge: json(413, { message: 'Request entity too large' }),
  incomplete: json(400, { message: "'to' parameter is not a valid address. please check documentation" }),
  remembers_keys: false,
  found: (request, mails) => {
    if (!request.path.startsWith('/v3/example.org/events?')) return null;
    const asked = query(request).get('message-id');
    const items = mails
      .filter(({ key }) => asked === `${key}@example.org`)
      .map(() => ({ event: 'accepted', message: { headers: { 'message-id': asked } } }));
    return json(200, { items, paging: {} });
  },
};

const SENDGRID: Dialect = {
  path: '/v3/mail/send',
  authorized: bearer,
  mail: (request) => {
    const mail = parsed<{
      personalizations?: { to?: { email: string }[]; custom_args?: Record<string, string> }[];
      from?: { email?: string };
      subject?: string;
      content?: { type: string; value: string }[];
    }>(request);
    const [to] = mail.personalizations ?? [];
    // Where both are given, plain text comes first.
    const types = (mail.content ?? []).map(({ type }) => type).join();
    const complete = Boolean(
      mail.from?.email && to?.to?.[0]?.email && mail.subject && types === 'text/plain,text/html',
    );
    return { key: to?.custom_args?.['assay_key'] ?? '', to: to?.to?.[0]?.email ?? '', complete };
  },
  sent: (id) => answer(202, { 'x-message-id': id }),
  unauthorized: json(401, { errors: [{ message: 'authorization required', field: null, help: null }] }),
  tooLarge: json(413, { errors: [{ message: 'payload too large', field: null, help: null }] }),
  incomplete: json(400, {
    errors: [{ message: 'Does not contain a valid address.', field: 'from.email', help: null }],
  }),
  remembers_keys: false,
};

const DIALECTS: Record<MailService, Dialect> = {
  resend: RESEND,
  postmark: POSTMARK,
  mailgun: MAILGUN,
  sendgrid: SENDGRID,
};

export interface MailApiServerOptions {
  service: MailService;
  certificate?: Certificate;
  max_bytes?: number;
  /** How long a mail stays out of searches. */
  lag_ms?: number;
}

/** A mail service that keeps its documented promises: credentials, sizes, keys, and searches that come late. */
export interface MailApiServer extends HttpReceiver {
  /** Mails that people get: a second request under a remembered key is none. */
  mails: AcceptedApiMail[];
  /** Requests that were taken in whole, those under a remembered key among them. */
  taken: AcceptedApiMail[];
  asked: string[];
  /** Answers instead of looking at the mail. */
  refuse(behaviour: HttpBehaviour | null): void;
  /** What comes after a mail was taken, instead of its receipt. */
  afterwards(behaviour: HttpBehaviour | null): void;
}

export async function startMailApiServer(options: MailApiServerOptions): Promise<MailApiServer> {
  const { service, certificate, max_bytes = 1_000_000, lag_ms = 0 } = options;
  const dialect = DIALECTS[service];
  const receiver = await startHttpReceiver(certificate);
  const by_key = new Map<string, { digest: string; mail: AcceptedApiMail }>();
  const visible_at_ms = new Map<string, number>();
  let refuse: HttpBehaviour | null = null;
  let afterwards: HttpBehaviour | null = null;
  const server: MailApiServer = Object.assign(receiver, {
    mails: [] as AcceptedApiMail[],
    taken: [] as AcceptedApiMail[],
    asked: [] as string[],
    refuse: (behaviour: HttpBehaviour | null) => void (refuse = behaviour),
    afterwards: (behaviour: HttpBehaviour | null) => void (afterwards = behaviour),
  });
  const take = (request: ReceivedRequest): HttpBehaviour => {
    if (request.body.length > max_bytes) return dialect.tooLarge;
    const { key, to, complete } = dialect.mail(request);
    if (!complete) return dialect.incomplete;
    const digest = createHash('sha256').update(request.body).digest('hex');
    const known = dialect.remembers_keys ? by_key.get(key) : undefined;
    if (known && known.digest !== digest) return resendError(409, 'invalid_idempotent_request');
    const mail = known?.mail ?? { id: randomUUID(), key, to, body: request.body.toString() };
    server.taken.push(mail);
    if (!known) {
      server.mails.push(mail);
      by_key.set(key, { digest, mail });
      visible_at_ms.set(mail.id, performance.now() + lag_ms);
    }
    return afterwards ?? dialect.sent(mail.id);
  };
  receiver.behave((response, request) => {
    const seen = server.mails.filter(({ id }) => visible_at_ms.get(id)! <= performance.now());
    const behaviour = (): HttpBehaviour => {
      if (refuse) return refuse;
      if (!dialect.authorized(request)) return dialect.unauthorized;
      if (request.path === dialect.path) return take(request);
      server.asked.push(request.path);
      return dialect.found?.(request, seen) ?? answer(404);
    };
    behaviour()(response, request);
  });
  return server;
}
