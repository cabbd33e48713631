import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackSecrets } from './secrets.js';
import type { SinkPorts } from './sink-types.js';

/** Endpoints that a submission may name. All lie at the webhook sink; each can be made to misbehave on its own. */
export const WEBHOOK_ENDPOINTS = ['ci-bot', 'team-chat', 'gone'] as const;

/** Depots that the stack's submissions may name; `demo` in the path keeps them apart from anybody's own. */
export const ALLOWED_PATHS = ['//depot/demo/...', '//depot/tools/build.gradle', './...'];

/** Writes the depot allow-list (SEC-1, SEC-2) and returns its path. */
export async function writeAllowList(directory: string): Promise<string> {
  const path = join(directory, 'depot-allow-list.json');
  const content = { changed_by: 'local stack', entries: ALLOWED_PATHS };
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
}

/** Writes the notifier's providers and webhook endpoints (DEL-6) and returns the file's path. */
export async function writeNotifierConfig(directory: string, ports: SinkPorts, secrets: StackSecrets): Promise<string> {
  const path = join(directory, 'notifier.json');
  const endpoint = (name: string): [string, object] => [
    name,
    { url: `http://127.0.0.1:${ports.webhook_port}/hooks/${name}`, secrets: [`file:${secrets.files.webhook_secret}`] },
  ];
  const content = {
    smtp: { host: '127.0.0.1', port: ports.smtp_port, from: 'Assay <assay@example.com>' },
    webhook: { endpoints: Object.fromEntries(WEBHOOK_ENDPOINTS.map(endpoint)) },
  };
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
}
