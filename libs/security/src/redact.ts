import { redactPem } from './redact-pem.js';
import { redactRandom } from './random-text.js';
import { EMAIL, PATTERNS, SHOWN } from './redaction-patterns.js';
import { Secret } from './secret.js';

export interface RedactionPolicy {
  /** Whether mail addresses go, too: personal data where it is not the purpose (DLQ-3). */
  emails: boolean;
}

const DEFAULT_POLICY: RedactionPolicy = { emails: true };
const MAX_DEPTH = 12;

/** Text without what is secret by its form (SEC-4): tokens, PEM blocks, passwords in assignments and URIs, addresses. */
export function redact(text: string, policy: RedactionPolicy = DEFAULT_POLICY): string {
  let clean = redactPem(text, SHOWN);
  for (const { pattern, replacement } of PATTERNS) clean = clean.replace(pattern, replacement as string);
  clean = redactRandom(clean, SHOWN);
  return policy.emails ? clean.replace(EMAIL, SHOWN) : clean;
}

/** A copy of a JSON-like value, redacted by key names and by form. Class instances come out as their JSON would. */
export function redactValue<T>(value: T, policy: RedactionPolicy = DEFAULT_POLICY): T {
  return clean(value, policy, 0, new Set()) as T;
}

function clean(value: unknown, policy: RedactionPolicy, depth: number, above: Set<object>): unknown {
  if (typeof value === 'string') return redact(value, policy);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return SHOWN;
  if (value instanceof Date) return value.toJSON();
  if (value instanceof Error) return redact(value.stack ?? String(value), policy);
  if (Buffer.isBuffer(value)) return `[${value.length} bytes]`;
  if (depth >= MAX_DEPTH || above.has(value)) return '[too deep]';
  above.add(value);
  const copy = Array.isArray(value)
    ? value.map((item) => clean(item, policy, depth + 1, above))
    : cleanMembers(value, policy, depth, above);
  above.delete(value);
  return copy;
}

function cleanMembers(value: object, policy: RedactionPolicy, depth: number, above: Set<object>): object {
  const json = (value as { toJSON?: () => unknown }).toJSON;
  if (typeof json === 'function') return clean(json.call(value), policy, depth + 1, above) as object;
  const members: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const hidden = isSecretName(key) && member !== null && !['boolean', 'number', 'undefined'].includes(typeof member);
    members.push([redact(key, policy), hidden ? SHOWN : clean(member, policy, depth + 1, above)]);
  }
  return Object.fromEntries(members);
}

const SECRET_WORDS = new Set(['password', 'passwd', 'pwd', 'passphrase', 'secret', 'token', 'authorization', 'cookie']);
const SECRET_KEYS = /^(?:api|access|private|signing|encryption|secret)_?keys?$/;

/** By the words of the name: `clientSecret`, `x-api-key`, `DB_PASSWORD`; not `token_count` or `secretary`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const last = words.at(-1) ?? '';
  if (SECRET_WORDS.has(last) || SECRET_WORDS.has(last.replace(/s$/, ''))) return true;
  return SECRET_KEYS.test(words.slice(-2).join('_')) || SECRET_KEYS.test(last);
}
