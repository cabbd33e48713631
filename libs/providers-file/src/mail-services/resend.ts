import type { MailApiMapping } from '../mapping.js';

/**
 * https://resend.com/docs/api-reference/emails/send-email, .../errors, and /docs/dashboard/emails/idempotency-keys: a
 * key is remembered for 24 hours. Messages can be asked for by id only.
 */
export const RESEND: MailApiMapping = {
  auth: { scheme: 'bearer' },
  send: {
    path: '/emails',
    encoding: 'json',
    headers: { 'idempotency-key': '{key}' },
    body: {
      from: '{from}',
      to: ['{to}'],
      subject: '{subject}',
      text: '{text}',
      html: '{html}',
      headers: {
        'Auto-Submitted': 'auto-generated',
        'In-Reply-To': '<{thread_id}>',
        References: '<{thread_id}>',
      },
    },
  },
  message_id: { pointer: '/id' },
  remembers_key_ms: 24 * 3_600_000,
  lookup: null,
  refusals: {
    code: '/name',
    codes: {
      missing_api_key: 'credential',
      restricted_api_key: 'credential',
      invalid_api_key: 'credential',
      invalid_idempotent_request: 'conflict',
      concurrent_idempotent_requests: 'in_progress',
      rate_limit_exceeded: 'busy',
      daily_quota_exceeded: 'busy',
      monthly_quota_exceeded: 'busy',
      invalid_from_address: 'destination',
      invalid_access: 'destination',
      invalid_region: 'destination',
      invalid_parameter: 'recipient',
      security_error: 'refused',
      application_error: 'unclear',
      internal_server_error: 'unclear',
    },
    statuses: { 422: 'recipient' },
  },
};
