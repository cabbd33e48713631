import type { Meaning } from '@assay/providers-file';
import type { Meant } from '../http/index.js';

/**
 * The words that incoming webhooks answer with, beside statuses that say less: "HTTP 404" is a channel that is gone as
 * well as a hook that is. Documented under "Handling errors" of https://api.slack.com/messaging/webhooks and in the
 * change log of 2016-05-17; the two about length are those of `chat.postMessage`.
 */
const BY_CODE: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['invalid_payload', 'refused'],
  ['invalid_blocks', 'refused'],
  ['invalid_blocks_format', 'refused'],
  ['no_text', 'refused'],
  ['too_many_attachments', 'refused'],
  ['msg_too_long', 'too_large'],
  ['msg_blocks_too_long', 'too_large'],
  ['user_not_found', 'recipient'],
  ['channel_is_archived', 'recipient'],
  ['channel_not_found', 'destination'],
  ['action_prohibited', 'destination'],
  ['posting_to_general_channel_denied', 'destination'],
  ['team_disabled', 'destination'],
  // The hook is off, gone or was never one: its URL is the credential.
  ['no_service', 'credential'],
  ['no_service_id', 'credential'],
  ['no_active_hooks', 'credential'],
  ['no_team', 'credential'],
  ['invalid_token', 'credential'],
  ['ratelimited', 'busy'],
  ['rate_limited', 'busy'],
  ['rollup_error', 'unclear'],
]);

/** The code as text, or as `error` of JSON. */
export function slackMeaning(_status: number, text: string): Meant | null {
  const word = /^\s*(?:\{.*"error"\s*:\s*")?([a-z_]{1,60})(?:".*\})?\s*$/s.exec(text)?.[1];
  const meaning = word === undefined ? undefined : BY_CODE.get(word);
  return meaning === undefined ? null : { meaning, code: `slack_${word}` };
}
