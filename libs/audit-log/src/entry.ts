import { randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { FormatError } from './format-error.js';

export const ENTRY_FORMAT = 'assay.audit/v1';
/** Of an entry's bytes. */
export const ENTRY_LIMIT_BYTES = 64 * 1024;
const SALT_BYTES = 16;

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** What somebody did, or was refused, and what a stranger needs to judge it. Texts come redacted (SEC-4). */
export interface AuditEntry {
  format: typeof ENTRY_FORMAT;
  /** UUID, given by the service that wrote it. */
  id: string;
  /** By the database's clock, as text: RFC 3339, UTC, at most microseconds. */
  occurred_at: string;
  service: string;
  /** What was done: `dead_letter.triaged`. */
  action: string;
  outcome: 'done' | 'refused';
  /** `key:<id>`, or a service's own name; null where it was not known who asked. */
  actor: string | null;
  /** Under which role it was done. */
  role: string | null;
  /** From where: the address of the caller. */
  origin: string | null;
  subject_type: string;
  subject_id: string;
  /** Whose data it was about; null where it was of no one source. */
  source: string | null;
  /** Why, in the actor's words. */
  reason: string | null;
  correlation_id: string;
  details: { [name: string]: Json };
  /** 16 random bytes in hex: who knows a leaf's hash alone cannot guess what the entry says. */
  salt: string;
}

export type NewAuditEntry = Omit<AuditEntry, 'format' | 'salt'>;

const TEXTS = ['id', 'occurred_at', 'service', 'action', 'subject_type', 'subject_id', 'correlation_id'] as const;
const TEXTS_OR_NULL = ['actor', 'role', 'origin', 'source', 'reason'] as const;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$/;

/**
 * The bytes of an entry, which are what is stored, hashed and exported: JSON as RFC 8785 writes it, without a line feed.
 *
 * @throws FormatError `malformed_entry` where it is longer than {@link ENTRY_LIMIT_BYTES} or has members of other kinds.
 */
export function encodeEntry(entry: NewAuditEntry, salt: Buffer = randomBytes(SALT_BYTES)): Buffer {
  const whole = { ...entry, format: ENTRY_FORMAT, salt: salt.toString('hex') };
  const bytes = Buffer.from(canonicalText(JSON.parse(JSON.stringify(whole, wellFormed))));
  decodeEntry(bytes);
  return bytes;
}

/**
 * What an entry says. Members that are not known are kept: a later version may have more.
 *
 * @throws FormatError `malformed_entry`, also where the bytes are not those that RFC 8785 gives for what they say.
 */
export function decodeEntry(bytes: Buffer): AuditEntry {
  if (bytes.length > ENTRY_LIMIT_BYTES) throw malformed(`it is longer than ${ENTRY_LIMIT_BYTES} bytes`);
  const text = bytes.toString('utf8');
  const value = parsed(text);
  if (!isEntry(value)) throw malformed('a member is missing or of another kind');
  if (canonicalText(value) !== text) throw malformed('it is not written as RFC 8785 says');
  return value;
}

/** Half of a surrogate pair is no text: RFC 8785 knows no bytes for it. */
function wellFormed(_name: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('it is not JSON');
  }
}

function canonicalText(value: unknown): string {
  try {
    return canonicalize(value) ?? '';
  } catch {
    throw malformed('it says what JSON cannot');
  }
}

function isEntry(value: unknown): value is AuditEntry {
  if (typeof value !== 'object' || value === null) return false;
  const said = value as Record<string, unknown>;
  const { format, outcome, occurred_at, details, salt } = said;
  return (
    format === ENTRY_FORMAT &&
    (outcome === 'done' || outcome === 'refused') &&
    TEXTS.every((name) => typeof said[name] === 'string') &&
    TEXTS_OR_NULL.every((name) => said[name] === null || typeof said[name] === 'string') &&
    isTime(occurred_at) &&
    typeof details === 'object' &&
    details !== null &&
    !Array.isArray(details) &&
    /^[0-9a-f]{32}$/.test(String(salt))
  );
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value));
}

function malformed(detail: string): FormatError {
  return new FormatError('malformed_entry', `this is not an entry: ${detail}`);
}
