import type { SecretSource } from '@assay/security';
import type { ConnectionSecurity } from './connection-security.js';

/** One incoming webhook of the configuration; recipients name it (DEL-6). */
export interface SlackHook {
  name: string;
  /** The whole URL: who has it may post, so it is a secret, and changes as one. */
  url: SecretSource;
  /** Requests under way at once, per replica. */
  concurrency: number;
  /** Messages that may begin in a second, per replica. */
  rate_per_s: number;
  security: ConnectionSecurity;
}

/** Slack takes one message a second for a hook, with short bursts that nobody promises. */
export const SLACK_DEFAULTS = { concurrency: 1, rate_per_s: 1 };
