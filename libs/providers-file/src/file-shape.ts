import type { MailApiMapping } from './mapping.js';
import type { RulesFile } from './rules.js';

/** The providers file as its schema leaves it: defaults filled in, what is optional and has none left out. */
export interface ProvidersFile {
  smtp?: SmtpFile;
  mail_api?: { services: Record<string, MailApiFile> };
  mail?: MailFile;
  webhook?: { endpoints: Record<string, WebhookFile> };
  slack?: { hooks: Record<string, SlackFile> };
  own?: Record<string, OwnFile>;
}

export interface SecurityFile {
  ca?: string;
  client_certificate?: { cert: string; key: string };
}

export interface SmtpFile extends SecurityFile {
  host: string;
  port: number;
  secure: boolean;
  require_tls: boolean;
  user?: string;
  password?: string;
  from: string;
  message_id_domain?: string;
  max_connections: number;
  rate_per_s?: number;
  max_bytes?: number;
}

export interface MailApiFile extends SecurityFile {
  like?: string;
  url?: string;
  token: string;
  from: string;
  domain?: string;
  concurrency: number;
  rate_per_s?: number;
  max_bytes?: number;
  conflict_means_known: boolean;
  mapping?: Partial<MailApiMapping>;
}

/** What holds for mail, to all domains or to one. */
export interface MailRulesFile extends RulesFile {
  via?: string;
  max_bytes?: number;
}

export interface MailFile extends MailRulesFile {
  domains?: Record<string, MailRulesFile>;
}

export interface WebhookFile extends SecurityFile, RulesFile {
  url: string;
  secrets: string[];
  concurrency: number;
  conflict_means_known: boolean;
  headers?: Record<string, string>;
  secret_headers?: Record<string, string>;
  bearer?: string;
  rate_per_s?: number;
  max_bytes?: number;
}

export interface SlackFile extends SecurityFile, RulesFile {
  url: string;
  concurrency: number;
  rate_per_s: number;
}

export interface OwnFile extends RulesFile {
  module: string;
  settings?: unknown;
}
