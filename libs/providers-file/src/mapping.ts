import type { Meaning } from './meanings.js';

/** JSON whose texts may hold placeholders such as `{subject}`. */
export type Template = string | number | boolean | null | readonly Template[] | { readonly [name: string]: Template };

/** What a placeholder may name. */
export const PLACEHOLDERS = [
  'key',
  'message_id',
  'thread_id',
  'from',
  'from_name',
  'from_address',
  'to',
  'subject',
  'text',
  'html',
  'domain',
  'notification_id',
] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];
export type Values = Partial<Record<Placeholder, string>>;

export type Auth = { scheme: 'bearer' } | { scheme: 'basic'; user: string } | { scheme: 'header'; name: string };

export interface Lookup {
  /** Below the service's URL; values are percent-encoded. */
  path: string;
  /** JSON pointer of the message's id in the answer; where it leads nowhere, there is no such message. */
  id: string;
}

/** How one service is spoken to: data, so that another one needs no code (DEL-5). */
export interface MailApiMapping {
  auth: Auth;
  send: {
    path: string;
    /** `form`: urlencoded, from an object of texts. */
    encoding: 'json' | 'form';
    headers: Readonly<Record<string, string>>;
    body: { readonly [name: string]: Template };
  };
  /** Where the answer to a send has the message's id. */
  message_id: { header: string } | { pointer: string };
  /** For how long the service takes a second request under the same key for the first; null: it knows no keys. */
  remembers_key_ms: number | null;
  lookup: { by_key: Lookup; by_id: Lookup | null; lag_ms: number } | null;
  refusals: {
    /** JSON pointer of the service's own code in a refusal; null: it has none. */
    code: string | null;
    /** By that code. */
    codes: Readonly<Record<string, Meaning>>;
    /** By status, where no code is known; the others mean what they mean to webhooks (DEL-7). */
    statuses: Readonly<Record<string, Meaning>>;
  };
}

const PLACEHOLDER = /\{([a-z_]+)\}/g;

/** The template with every placeholder filled, each in a text of its own, so that nothing else can change. */
export function filled(template: Template, values: Values): unknown {
  if (typeof template === 'string') return filledText(template, values);
  if (Array.isArray(template)) return template.map((each: Template) => filled(each, values));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, filled(value, values)]));
}

export function filledText(template: string, values: Values, encode = (value: string) => value): string {
  return template.replace(PLACEHOLDER, (_, name: Placeholder) => encode(values[name] ?? ''));
}

export function filledPath(template: string, values: Values): string {
  return filledText(template, values, encodeURIComponent);
}

/** Names in braces that are no placeholder. */
export function unknownPlaceholders(template: Template): string[] {
  return [...JSON.stringify(template).matchAll(PLACEHOLDER)]
    .map(([, name]) => name!)
    .filter((name) => !(PLACEHOLDERS as readonly string[]).includes(name));
}

/** RFC 6901, as text; null where it leads to nothing that can be an id or a code. */
export function textAt(value: unknown, pointer: string): string | null {
  let at = value;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return null;
    at = (at as Record<string, unknown>)[name];
  }
  if (typeof at === 'number') return String(at);
  return typeof at === 'string' && at !== '' ? at : null;
}
