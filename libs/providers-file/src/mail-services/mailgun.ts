import type { MailApiMapping } from '../mapping.js';

/**
 * https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages and .../events. It knows no
 * idempotency, but finds the Message-ID that it was given among its events, which it advises to let settle for half an
 * hour. In the European Union its URL is https://api.eu.mailgun.net.
 */
export const MAILGUN: MailApiMapping = {
  auth: { scheme: 'basic', user: 'api' },
  send: {
    path: '/v3/{domain}/messages',
    encoding: 'form',
    headers: {},
    body: {
      from: '{from}',
      to: '{to}',
      subject: '{subject}',
      text: '{text}',
      html: '{html}',
      'h:Message-Id': '<{message_id}>',
      'h:In-Reply-To': '<{thread_id}>',
      'h:References': '<{thread_id}>',
      'h:Auto-Submitted': 'auto-generated',
      'v:assay_key': '{key}',
    },
  },
  message_id: { pointer: '/id' },
  remembers_key_ms: null,
  lookup: {
    by_key: {
      path: '/v3/{domain}/events?limit=1&message-id={message_id}',
      id: '/items/0/message/headers/message-id',
    },
    by_id: null,
    lag_ms: 1_800_000,
  },
  refusals: { code: null, codes: {}, statuses: { 402: 'destination' } },
};
