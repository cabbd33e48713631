import type { SecretSource } from '@assay/security';

/** One endpoint of the configuration; recipients name it, they never bring a URL (DEL-6). */
export interface WebhookEndpoint {
  name: string;
  url: URL;
  /** Standard Webhooks secrets, `whsec_` and base64; each signs, so a receiver may hold either during a rotation. */
  secrets: readonly SecretSource[];
  /** Requests under way at once, per replica. */
  concurrency: number;
  /** Requests that may begin in a second, per replica; null: no limit. */
  rate_per_s: number | null;
  /** The endpoint answers 409 exactly where it has accepted the `webhook-id` before; otherwise a 409 proves nothing. */
  conflict_means_known: boolean;
}
