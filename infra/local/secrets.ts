import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseService } from './postgres.js';

export const ROLES = ['submitter', 'operator', 'approver', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** What only this stack knows: made anew for each, written to files that its owner alone can read. */
export interface StackSecrets {
  /** API keys by role. */
  keys: Record<Role, string>;
  /** Of a second source, whose submissions the first must never see. */
  other_submitter_key: string;
  /** Standard Webhooks secret, `whsec_…`. */
  webhook_secret: string;
  files: {
    api_keys: string;
    artefact_keys: string;
    webhook_secret: string;
    postgres_urls: Record<DatabaseService, string>;
  };
}

export const SOURCE = 'demo';
export const OTHER_SOURCE = 'other';

/** 256 random bits under the prefix that the redactor knows (libs/security, newApiKey). */
function apiKey(): { key: string; sha256: string } {
  const key = `assay_${randomBytes(32).toString('base64url')}`;
  return { key, sha256: createHash('sha256').update(key).digest('hex') };
}

/** Writes the stack's secrets under `directory` and returns them with the paths of their files. */
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
  const other = apiKey();
  const entries = made.map(({ role, sha256 }) => {
    const sources = role === 'submitter' ? [SOURCE] : '*';
    return { id: `local-${role}`, sha256, role, sources };
  });
  entries.push({ id: 'other-submitter', sha256: other.sha256, role: 'submitter', sources: [OTHER_SOURCE] });
  const webhook_secret = `whsec_${randomBytes(32).toString('base64')}`;
  const urls = Object.entries(postgres_urls).map(async ([service, url]) => {
    return [service, await secretFile(`postgres-url-${service}`, url)] as const;
  });
  return {
    keys: Object.fromEntries(made.map(({ role, key }) => [role, key])) as Record<Role, string>,
    other_submitter_key: other.key,
    webhook_secret,
    files: {
      api_keys: await secretFile('api-keys.json', JSON.stringify({ keys: entries }, null, 2)),
      artefact_keys: await secretFile('artefact-keys', `local:${randomBytes(32).toString('base64')}`),
      webhook_secret: await secretFile('webhook-secret', webhook_secret),
      postgres_urls: Object.fromEntries(await Promise.all(urls)) as Record<DatabaseService, string>,
    },
  };
}
