import { answerOf, type HttpAnswer, type HttpRequest, json } from './http-messages.js';

export type MailService = 'resend' | 'postmark' | 'mailgun' | 'sendgrid';

/** What a request wants to be sent. */
export interface WantedMail {
  key: string;
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** A mail that was accepted. */
export interface AcceptedApiMail extends WantedMail {
  id: string;
  /** The request's, whole, as it came. */
  body: string;
}

/** How one service reads a request and words its answers, as far as its documentation says. */
export interface Dialect {
  path: string;
  authorized(request: HttpRequest, token: string): boolean;
  /** Null where something that it wants is missing. */
  mail(request: HttpRequest): WantedMail | null;
  sent(id: string): HttpAnswer;
  unauthorized: HttpAnswer;
  tooLarge: HttpAnswer;
  incomplete: HttpAnswer;
  /** The answer to another mail under a key that is remembered; null: it remembers no keys. */
  key_taken: HttpAnswer | null;
  found?(request: HttpRequest, mails: readonly AcceptedApiMail[]): HttpAnswer | null;
}

const bearer = ({ headers }: HttpRequest, token: string): boolean => headers.authorization === `Bearer ${token}`;
const parsed = <T>({ body }: HttpRequest): T => JSON.parse(body.toString()) as T;
const query = ({ path }: HttpRequest): URLSearchParams => new URL(path, 'http://x').searchParams;
const resendError = (statusCode: number, name: string): HttpAnswer =>
  json(statusCode, { statusCode, name, message: `${name} it is` });

function complete(mail: Partial<WantedMail>): WantedMail | null {
  const { from, to, subject, text, html, key = '' } = mail;
  return from && to && subject && text && html ? { key, from, to, subject, text, html } : null;
}

const RESEND: Dialect = {
  path: '/emails',
  authorized: bearer,
  mail: (request) => {
    const { to, ...mail } = parsed<Partial<WantedMail> & { to?: string[] }>(request);
    return complete({ ...mail, to: to?.[0], key: String(request.headers['idempotency-key'] ?? '') });
  },
  sent: (id) => json(200, { id }),
  unauthorized: resendError(403, 'invalid_api_key'),
  tooLarge: resendError(413, 'payload_too_large'),
  incomplete: resendError(422, 'missing_required_field'),
  key_taken: resendError(409, 'invalid_idempotent_request'),
};

const POSTMARK: Dialect = {
  path: '/email',
  authorized: ({ headers }, token) => headers['x-postmark-server-token'] === token,
  mail: (request) => {
    const mail = parsed<Record<'From' | 'To' | 'Subject' | 'TextBody' | 'HtmlBody', string> & { Metadata?: object }>(
      request,
    );
    const metadata = (mail.Metadata ?? {}) as Record<string, string>;
    if (Object.entries(metadata).some(([name, value]) => name.length > 20 || value.length > 80)) return null;
    const { From: from, To: to, Subject: subject, TextBody: text, HtmlBody: html } = mail;
    return complete({ from, to, subject, text, html, key: metadata['assay_key'] });
  },
  sent: (MessageID) =>
    json(200, { To: 'x', SubmittedAt: '2026-11-30T10:00:00Z', MessageID, ErrorCode: 0, Message: 'OK' }),
  unauthorized: json(401, { ErrorCode: 10, Message: 'No Account or Server API tokens were supplied' }),
  tooLarge: json(413, { ErrorCode: 0, Message: 'Payload too large' }),
  incomplete: json(422, { ErrorCode: 300, Message: 'Invalid email request' }),
  key_taken: null,
  found: (request, mails) => {
    const by_id = /^\/messages\/outbound\/([^/]+)\/details$/.exec(request.path)?.[1];
    if (by_id !== undefined) {
      const mail = mails.find(({ id }) => id === by_id);
      return mail ? json(200, { MessageID: mail.id, Status: 'Sent' }) : json(404, { ErrorCode: 701, Message: 'No' });
    }
    if (!request.path.startsWith('/messages/outbound?')) return null;
    const asked = query(request);
    if (!asked.has('count') || !asked.has('offset')) return json(422, { ErrorCode: 700, Message: 'count, offset' });
    const found = mails.filter(({ key }) => key === asked.get('metadata_assay_key'));
    const Messages = found.map(({ id }) => ({ MessageID: id })).slice(0, Number(asked.get('count')));
    return json(200, { TotalCount: found.length, Messages });
  },
};

const MAILGUN: Dialect = {
  path: '/v3/example.org/messages',
  authorized: ({ headers }, token) =>
    headers.authorization === `Basic ${Buffer.from(`api:${token}`).toString('base64')}`,
  mail: ({ body }) => {
    const form = Object.fromEntries(new URLSearchParams(body.toString())) as Partial<WantedMail>;
    return complete({ ...form, key: (form as Record<string, string>)['v:assay_key'] });
  },
  sent: (id) => json(200, { id, message: 'Queued. Thank you.' }),
  unauthorized: answerOf(401, 'Forbidden'),
  tooLarge: json(413, { message: 'Request entity too large' }),
  incomplete: json(400, { message: "'to' parameter is not a valid address. please check documentation" }),
  key_taken: null,
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
    const [text, html] = mail.content ?? [];
    // Where both are given, plain text comes first.
    if (text?.type !== 'text/plain' || html?.type !== 'text/html') return null;
    return complete({
      from: mail.from?.email,
      to: to?.to?.[0]?.email,
      subject: mail.subject,
      text: text.value,
      html: html.value,
      key: to?.custom_args?.['assay_key'],
    });
  },
  sent: (id) => answerOf(202, '', { 'x-message-id': id }),
  unauthorized: json(401, { errors: [{ message: 'authorization required', field: null, help: null }] }),
  tooLarge: json(413, { errors: [{ message: 'payload too large', field: null, help: null }] }),
  incomplete: json(400, {
    errors: [{ message: 'Does not contain a valid address.', field: 'from.email', help: null }],
  }),
  key_taken: null,
};

export const DIALECTS: Record<MailService, Dialect> = {
  resend: RESEND,
  postmark: POSTMARK,
  mailgun: MAILGUN,
  sendgrid: SENDGRID,
};
