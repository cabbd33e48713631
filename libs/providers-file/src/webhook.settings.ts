import type { SecretSource } from '@assay/security';
import type { ConnectionSecurity } from './connection-security.js';

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
  /** What is longer, or is refused for its size, goes out in the compact form; null: there is none. */
  max_bytes: number | null;
  /** The endpoint answers 409 exactly where it has accepted the `webhook-id` before; otherwise a 409 proves nothing. */
  conflict_means_known: boolean;
  /** Sent with every request, by lower-case name. */
  headers: Readonly<Record<string, string>>;
  secret_headers: Readonly<Record<string, SecretSource>>;
  bearer: SecretSource | null;
  security: ConnectionSecurity;
}
