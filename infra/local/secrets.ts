import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newNoteKeys } from '@assay/audit-log';
import type { DatabaseService } from './postgres.js';
import type { SinkSecrets } from './sink-types.js';

export const ROLES = ['submitter', 'operator', 'approver', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** What only this stack knows: written to files that its owner alone can read. */
export interface StackSecrets {
  /** API keys by role; the submitter's source is {@link SOURCE}, the others see every source. */
  keys: Record<Role, string>;
  /** Keys that see one source alone: what belongs to another must never show under them. */
  source_keys: Record<Source, Record<SourceRole, string>>;
  /** Standard Webhooks secret, `whsec_…`. */
  webhook_secret: string;
  files: {
    api_keys: string;
    artefact_keys: string;
    audit_signing_keys: string;
    webhook_secret: string;
    postgres_urls: Record<DatabaseService, string>;
  };
}

export const SOURCES = ['demo', 'other', 'third'] as const;
export type Source = (typeof SOURCES)[number];
export const SOURCE: Source = 'demo';
/** Slack-compatible hooks that a submission may name: one for anybody, and one that a source alone uses. */
export const SLACK_HOOKS = ['reviews', ...SOURCES.map((source) => `reviews-${source}`)];
type SourceRole = 'submitter' | 'operator';

/** 256 random bits under the prefix that the redactor knows (libs/security, newApiKey). */
function apiKey(): { key: string; sha256: string } {
  const key = `assay_${randomBytes(32).toString('base64url')}`;
  return { key, sha256: createHash('sha256').update(key).digest('hex') };
}

/** What the audit log of a local stack is called. */
const AUDIT_LOG = 'assay.local/audit';
const AUDIT_KEYS = 'audit-signing-keys';

async function contentOf(path: string): Promise<string> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return content.trim();
}

/**
 * A new key that seals from now on, before those that are there already: what they sealed must open still (SEC-8).
 * Each has an id of its own, since an artefact names the key that opens it by its id alone.
 */
async function artefactKeys(path: string): Promise<string> {
  const fresh = `local-${randomBytes(4).toString('hex')}:${randomBytes(32).toString('base64')}`;
  const known = await contentOf(path);
  return known === '' ? fresh : `${fresh},${known}`;
}

/** That of an earlier run, for its checkpoints are those of the log that goes on. */
async function auditSigningKeys(path: string): Promise<string> {
  return (await contentOf(path)) || newNoteKeys(AUDIT_LOG).signer_key;
}

/**
 * Writes the stack's secrets under `directory` and returns them with the paths of their files. All are made anew, but
 * for the artefact keys of an earlier run, which stay behind the new one, and the key of its audit log.
 */
export async function writeSecrets(
  directory: string,
  postgres_urls: Record<DatabaseService, string>,
): Promise<StackSecrets> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  async function secretFile(name: string, content: string): Promise<string> {
    const path = join(directory, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }
  const made = ROLES.map((role) => ({ role, ...apiKey() }));
  const entries = made.map(({ role, sha256 }) => {
    const sources: string[] | '*' = role === 'submitter' ? [SOURCE] : '*';
    return { id: `local-${role}`, sha256, role, sources };
  });
  const keyOf = (source: Source, role: SourceRole): string => {
    const { key, sha256 } = apiKey();
    entries.push({ id: `${source}-${role}`, sha256, role, sources: [source] });
    return key;
  };
  const source_keys = Object.fromEntries(
    SOURCES.map((source) => [source, { submitter: keyOf(source, 'submitter'), operator: keyOf(source, 'operator') }]),
  ) as StackSecrets['source_keys'];
  const webhook_secret = `whsec_${randomBytes(32).toString('base64')}`;
  const urls = Object.entries(postgres_urls).map(async ([service, url]) => {
    return [service, await secretFile(`postgres-url-${service}`, url)] as const;
  });
  return {
    keys: Object.fromEntries(made.map(({ role, key }) => [role, key])) as Record<Role, string>,
    source_keys,
    webhook_secret,
    files: {
      api_keys: await secretFile('api-keys.json', JSON.stringify({ keys: entries }, null, 2)),
      artefact_keys: await secretFile('artefact-keys', await artefactKeys(join(directory, 'artefact-keys'))),
      audit_signing_keys: await secretFile(AUDIT_KEYS, await auditSigningKeys(join(directory, AUDIT_KEYS))),
      webhook_secret: await secretFile('webhook-secret', webhook_secret),
      postgres_urls: Object.fromEntries(await Promise.all(urls)) as Record<DatabaseService, string>,
    },
  };
}

/** What the receivers of the stack must be shown, with the files that name it to the notifier and to them. */
export interface SinkAccess {
  secrets: SinkSecrets;
  files: { sinks: string; mail_api_token: string };
}

/** Writes it anew into `directory`, which is there. */
export async function writeSinkSecrets(directory: string): Promise<SinkAccess> {
  // Of the shape of Slack's own.
  const paths = SLACK_HOOKS.map((name) => [name, `/services/T0ASSAY/B0LOCAL/${randomBytes(12).toString('hex')}`]);
  const secrets: SinkSecrets = {
    mail_api_token: randomBytes(32).toString('base64url'),
    slack_paths: Object.fromEntries(paths) as Record<string, string>,
  };
  const files = { sinks: join(directory, 'sinks.json'), mail_api_token: join(directory, 'mail-api-token') };
  await writeFile(files.sinks, JSON.stringify(secrets), { mode: 0o600 });
  await writeFile(files.mail_api_token, secrets.mail_api_token, { mode: 0o600 });
  return { secrets, files };
}
