import { createHash, randomBytes } from 'node:crypto';
import { WatchedFile } from './watched-file.js';

export const ROLES = ['submitter', 'operator', 'approver', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** Who calls: made from the credential alone, never from the body (docs/spec.md, Terms). */
export interface Principal {
  key_id: string;
  role: Role;
  /** The sources it may see; `'*'` is every source, records without a readable one included. */
  sources: string[] | '*';
  /** A submitter's only source; of the other roles the first, or `*`. */
  source: string;
}

/** The sources that a key may see (GEN-8); null is every one. */
export function sourcesOf({ sources }: Principal): string[] | null {
  return sources === '*' ? null : sources;
}

/** How histories name who called. */
export function actorOf({ key_id }: Principal): string {
  return `key:${key_id}`;
}

interface KeyEntry {
  principal: Principal;
  /** Milliseconds since the epoch by the host's clock, which is what an expiry is defined by (GEN-4). */
  expires_at_ms: number;
}

export type Authentication =
  { kind: 'known'; principal: Principal } | { kind: 'unknown' } | { kind: 'expired'; key_id: string };

/** A space would blur Kafka keys (`source changelist`); `unknown` names records whose source cannot be read. */
const SOURCE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const RESERVED_SOURCE = 'unknown';

/** 256 random bits with a prefix that the redactor and secret scanners know. The file keeps only `sha256`. */
export function newApiKey(): { key: string; sha256: string } {
  const key = `assay_${randomBytes(32).toString('base64url')}`;
  return { key, sha256: sha256(key) };
}

/**
 * The keys that are valid now (SEC-6), from a JSON file that is re-read within 2 s of a change; a bad edit keeps the
 * last good ring. File: `{"keys": [{"id", "sha256", "role", "sources": ["…"] or "*", "expires_at"?}]}`.
 */
export class ApiKeyRing {
  readonly #file: WatchedFile<Map<string, KeyEntry>>;

  constructor(path: string, options: { poll_ms?: number } = {}) {
    this.#file = new WatchedFile({ path, what: 'api keys', parse: parseApiKeys, ...options });
  }

  /** Looking up the hash tells a guesser nothing by its timing: a guess cannot steer its own SHA-256. */
  authenticate(key: string): Authentication {
    const entry = this.#file.current().get(sha256(key));
    if (!entry) return { kind: 'unknown' };
    // eslint-disable-next-line no-restricted-syntax -- an expiry is a time of the outside world (GEN-4)
    if (entry.expires_at_ms <= Date.now()) return { kind: 'expired', key_id: entry.principal.key_id };
    return { kind: 'known', principal: entry.principal };
  }

  /** Re-reads the file now if it has changed. */
  check(): Promise<void> {
    return this.#file.check();
  }

  close(): void {
    this.#file.close();
  }
}

/** Entries by the key's SHA-256. Throws with every fault of the file, each with its entry. */
export function parseApiKeys(content: Buffer): Map<string, KeyEntry> {
  const document = JSON.parse(content.toString('utf8')) as { keys?: unknown } | null;
  if (!Array.isArray(document?.keys)) throw new Error('the file has no array "keys"');
  const entries = new Map<string, KeyEntry>();
  const ids = new Set<string>();
  const faults: string[] = [];
  document.keys.forEach((raw: unknown, index) => {
    const key = (raw ?? {}) as Record<string, unknown>;
    const found = faultsOf(key);
    if (typeof key.id === 'string' && ids.has(key.id)) found.push('its id is there twice');
    if (typeof key.sha256 === 'string' && entries.has(key.sha256)) found.push('its sha256 is there twice');
    if (found.length > 0) {
      faults.push(`keys[${index}]${typeof key.id === 'string' ? ` (${key.id})` : ''}: ${found.join(', ')}`);
      return;
    }
    ids.add(key.id as string);
    entries.set(key.sha256 as string, entryOf(key));
  });
  if (faults.length > 0) throw new Error(faults.join('; '));
  return entries;
}

function faultsOf(key: Record<string, unknown>): string[] {
  const faults: string[] = [];
  if (typeof key.id !== 'string' || key.id === '') faults.push('"id" is missing');
  if (typeof key.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(key.sha256)) {
    faults.push('"sha256" is not 64 hex digits in lower case');
  }
  if (!ROLES.includes(key.role as Role)) faults.push(`"role" is not one of ${ROLES.join(', ')}`);
  if (key.expires_at !== undefined && Number.isNaN(Date.parse(String(key.expires_at)))) {
    faults.push('"expires_at" is not a time');
  }
  return [...faults, ...sourceFaults(key)];
}

function sourceFaults({ role, sources }: Record<string, unknown>): string[] {
  if (sources === '*') return role === 'submitter' ? ['a submitter has exactly one source'] : [];
  if (!Array.isArray(sources) || sources.length === 0) return ['"sources" is not a list of sources'];
  if (role === 'submitter' && sources.length !== 1) return ['a submitter has exactly one source'];
  const bad = sources.some((name) => typeof name !== 'string' || !SOURCE.test(name) || name === RESERVED_SOURCE);
  return bad ? [`a source is not ${SOURCE.source}, or is "${RESERVED_SOURCE}"`] : [];
}

function entryOf(key: Record<string, unknown>): KeyEntry {
  const sources = key.sources as string[] | '*';
  return {
    principal: {
      key_id: key.id as string,
      role: key.role as Role,
      sources,
      source: sources === '*' ? '*' : sources[0]!,
    },
    expires_at_ms: key.expires_at === undefined ? Infinity : Date.parse(String(key.expires_at)),
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
