import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATABASE_SERVICES } from '../local/postgres.js';
import { repositoryRoot } from '../local/repository.js';
import { ROLES, writeSecrets } from '../local/secrets.js';
import { writeAllowList } from '../local/stack-configuration.js';
import { localDirectory } from '../local/stack-file.js';
import { say } from '../local/terminal.js';

/** The variables of `docker-compose.yml` that hold a password. */
export function composePasswords(): Record<string, string> {
  const names = ['postgres', ...DATABASE_SERVICES].map((name) => `ASSAY_${name.toUpperCase()}_PASSWORD`);
  return Object.fromEntries(names.map((name) => [name, randomBytes(18).toString('hex')]));
}

/** Writes the files that `docker-compose.yml` mounts at `mounted_at`, and returns the API keys by role. */
export async function writeComposeFiles(directory: string, mounted_at = '/run/assay'): Promise<Record<string, string>> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // The services get their URLs by the environment there.
  const { keys } = await writeSecrets(directory, {} as Parameters<typeof writeSecrets>[1]);
  await writeAllowList(directory);
  const notifier = {
    smtp: { host: 'mail', port: 1025, from: 'Assay <assay@example.com>' },
    webhook: {
      endpoints: {
        'ci-bot': { url: 'https://example.com/hooks/ci-bot', secrets: [`file:${mounted_at}/webhook-secret`] },
      },
    },
  };
  writeFileSync(join(directory, 'notifier.json'), `${JSON.stringify(notifier, null, 2)}\n`);
  // A container's user must read them; on this machine nobody else gets through the folder.
  for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o644);
  return keys;
}

/** `npm run compose:secrets`: made anew each time, but for the passwords, which the database keeps, and old artefact keys. */
export async function main(): Promise<void> {
  const passwords = join(repositoryRoot(), '.env');
  if (!existsSync(passwords)) {
    const lines = Object.entries(composePasswords()).map(([name, value]) => `${name}=${value}\n`);
    writeFileSync(passwords, lines.join(''), { mode: 0o600 });
  }
  const keys = await writeComposeFiles(join(localDirectory(), 'compose'));
  say('  API keys:');
  for (const role of ROLES) say(`  ${role.padEnd(9)}  ${keys[role]}`);
  say('  docker compose up --build --detach --wait');
}
