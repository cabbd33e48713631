import type { MailApiMapping } from '../mapping.js';

/**
 * https://postmarkapp.com/developer/api/email-api, .../messages-api and .../overview (error codes). It knows no
 * idempotency, but finds messages by their metadata, whose values hold up to 80 characters.
 */
export const POSTMARK: MailApiMapping = {
  auth: { scheme: 'header', name: 'x-postmark-server-token' },
  send: {
    path: '/email',
    encoding: 'json',
    headers: {},
    body: {
      From: '{from}',
      To: '{to}',
      Subject: '{subject}',
      TextBody: '{text}',
      HtmlBody: '{html}',
      Metadata: { assay_key: '{key}' },
      Headers: [
        { Name: 'Auto-Submitted', Value: 'auto-generated' },
        { Name: 'Message-ID', Value: '<{message_id}>' },
        { Name: 'X-PM-KeepID', Value: 'true' },
        { Name: 'In-Reply-To', Value: '<{thread_id}>' },
        { Name: 'References', Value: '<{thread_id}>' },
      ],
    },
  },
  message_id: { pointer: '/MessageID' },
  remembers_key_ms: null,
  lookup: {
    by_key: { path: '/messages/outbound?count=1&offset=0&metadata_assay_key={key}', id: '/Messages/0/MessageID' },
    by_id: { path: '/messages/outbound/{notification_id}/details', id: '/MessageID' },
    // Not documented: searches have been seen to lag by seconds.
    lag_ms: 120_000,
  },
  refusals: {
    code: '/ErrorCode',
    codes: {
      10: 'credential',
      300: 'recipient',
      400: 'destination',
      401: 'destination',
      405: 'destination',
      406: 'recipient',
      412: 'destination',
    },
    statuses: { 422: 'recipient' },
  },
};
