import type { SecretSource } from '@assay/security';
import type { ConnectionSecurity } from './connection-security.js';
import type { MailApiMapping } from './mapping.js';

/** One mail service of the configuration. */
export interface MailApiService {
  name: string;
  url: URL;
  token: SecretSource;
  /** `Name <address>` or an address; the sender of every mail. */
  from: string;
  /** The sending domain, where the service's paths name it; also the right-hand side of the Message-ID. */
  domain: string;
  /** Requests under way at once, per replica. */
  concurrency: number;
  /** Mails that may begin in a second, per replica; null: no limit. */
  rate_per_s: number | null;
  /** What is longer, or is refused for its size, goes out in the compact form; null: there is none. */
  max_bytes: number | null;
  /** A conflict about a key says that the mail was accepted under it before; otherwise it proves nothing. */
  conflict_means_known: boolean;
  mapping: MailApiMapping;
  security: ConnectionSecurity;
}
