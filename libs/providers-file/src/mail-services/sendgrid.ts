import type { MailApiMapping } from '../mapping.js';

/**
 * https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send, with the id in the header X-Message-Id. It
 * knows no idempotency, and its search of messages is sold apart: what may have been sent is held.
 */
export const SENDGRID: MailApiMapping = {
  auth: { scheme: 'bearer' },
  send: {
    path: '/v3/mail/send',
    encoding: 'json',
    headers: {},
    body: {
      personalizations: [{ to: [{ email: '{to}' }], custom_args: { assay_key: '{key}' } }],
      from: { email: '{from_address}', name: '{from_name}' },
      subject: '{subject}',
      content: [
        { type: 'text/plain', value: '{text}' },
        { type: 'text/html', value: '{html}' },
      ],
      headers: {
        'Auto-Submitted': 'auto-generated',
        'In-Reply-To': '<{thread_id}>',
        References: '<{thread_id}>',
      },
    },
  },
  message_id: { header: 'x-message-id' },
  remembers_key_ms: null,
  lookup: null,
  refusals: { code: null, codes: {}, statuses: {} },
};
