import type { SecretSource } from '@assay/security';
import type { ConnectionSecurity } from './connection-security.js';

export interface SmtpSettings {
  host: string;
  port: number;
  /** TLS from the first byte; otherwise STARTTLS is used where the server offers it. */
  secure: boolean;
  /** Refuse to send without STARTTLS. */
  require_tls: boolean;
  user: string | null;
  password: SecretSource | null;
  /** `Name <address>` or an address; the sender of every mail. */
  from: string;
  /** Right-hand side of the Message-ID. */
  message_id_domain: string;
  security: ConnectionSecurity;
  /** Connections of the pool, which is also how many mails are under way at once. */
  max_connections: number;
  /** Mails that may begin in a second, per replica; null: no limit. */
  rate_per_s: number | null;
  /** What is longer, or is refused for its size, goes out in the compact form; null: there is none. */
  max_bytes: number | null;
}
