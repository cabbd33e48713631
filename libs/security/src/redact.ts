import { mailAddress } from './redaction/mail-addresses.js';
import { redactPem } from './redaction/pem-blocks.js';
import { redactRandom } from './redaction/random-text.js';
import { RULES } from './redaction/redaction-rules.js';
import { applyRule } from './redaction/rule.js';
import { isSecretName } from './redaction/secret-names.js';
import { Secret } from './secret.js';

const SHOWN = '[redacted]';

export interface RedactionPolicy {
  /** Whether mail addresses go, too: personal data where it is not the purpose (DLQ-3). */
  emails: boolean;
}

const DEFAULT_POLICY: RedactionPolicy = { emails: true };
const MAX_DEPTH = 12;

/**
 * Text without what is secret by its form (SEC-4): tokens, PEM blocks, passwords in assignments, commands and URIs,
 * headers, addresses. Takes time linear in the text, whatever that is.
 */
export function redact(text: string, policy: RedactionPolicy = DEFAULT_POLICY): string {
  let clean = redactPem(text, SHOWN);
  for (const rule of RULES) clean = applyRule(rule, clean, SHOWN);
  clean = redactRandom(clean, SHOWN);
  return policy.emails ? applyRule(mailAddress, clean, SHOWN) : clean;
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
    members.push([redact(key, policy), isHidden(key, member) ? SHOWN : clean(member, policy, depth + 1, above)]);
  }
  return Object.fromEntries(members);
}

/** Numbers, switches and what is not there stay under any name; under `auth` a text is `user:password`. */
function isHidden(key: string, member: unknown): boolean {
  if (member === null || ['boolean', 'number', 'undefined'].includes(typeof member)) return false;
  return isSecretName(key) || (key === 'auth' && typeof member === 'string');
}
