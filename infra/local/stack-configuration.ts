import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MAIL_SERVICES } from '@assay/providers-file';
import type { SinkAccess, StackSecrets } from './secrets.js';
import { SINK_MAIL_SERVICES, type SinkMailService, type SinkPorts } from './sink-types.js';

/** Endpoints that a submission may name. All lie at the webhook sink; each can be made to misbehave on its own. */
const ENDPOINTS: Record<string, { rate_per_s?: number }> = {
  'ci-bot': {},
  'team-chat': {},
  gone: {},
  slow: {},
  metered: { rate_per_s: 5 },
};
export const WEBHOOK_ENDPOINTS = Object.keys(ENDPOINTS);

const FROM = 'Assay <assay@example.com>';
/** Searches of the stack's mail service show a mail sooner than those of the real one. */
const LOOKUP_LAG_MS = 1_000;

/** Mail to this domain goes by way of the service; all other mail goes to the mail server. */
export function domainOf(service: SinkMailService): string {
  return `${service}.example`;
}

/** Depots that the stack's submissions may name; `demo` in the path keeps them apart from anybody's own. */
export const ALLOWED_PATHS = ['//depot/demo/...', '//depot/tools/build.gradle', './...'];

/** Writes the depot allow-list (SEC-1, SEC-2) and returns its path. */
export async function writeAllowList(directory: string): Promise<string> {
  const path = join(directory, 'depot-allow-list.json');
  const content = { changed_by: 'local stack', entries: ALLOWED_PATHS };
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
}

/**
 * Writes the notifier's providers file, all four kinds in it (DEL-6), and returns its path. Members of `beside`, which is
 * such a file, too, stand in place of these.
 */
export async function writeNotifierConfig(
  directory: string,
  ports: SinkPorts,
  { files }: StackSecrets,
  sinks: SinkAccess,
  beside?: string,
): Promise<string> {
  const path = join(directory, 'notifier.json');
  const receivers = `http://127.0.0.1:${ports.webhook_port}`;
  const endpoint = ([name, settings]: [string, object]): [string, object] => [
    name,
    { url: `${receivers}/hooks/${name}`, secrets: [`file:${files.webhook_secret}`], ...settings },
  ];
  const hook = async ([name, hook_path]: [string, string]): Promise<[string, object]> => {
    const file = join(directory, 'secrets', `slack-url-${name}`);
    await writeFile(file, `${receivers}${hook_path}`, { mode: 0o600 });
    return [name, { url: `file:${file}` }];
  };
  const service = (name: SinkMailService): [string, object] => [
    name,
    {
      ...{ like: name, url: `${receivers}/mail-api/${name}`, token: `file:${sinks.files.mail_api_token}`, from: FROM },
      ...(name === 'postmark' && {
        mapping: { lookup: { ...MAIL_SERVICES[name]!.mapping.lookup, lag_ms: LOOKUP_LAG_MS } },
      }),
    },
  ];
  const domains = SINK_MAIL_SERVICES.map((name) => [domainOf(name), { via: name }]);
  const others = beside === undefined ? {} : (JSON.parse(await readFile(beside, 'utf8')) as object);
  const content = {
    smtp: { host: '127.0.0.1', port: ports.smtp_port, from: FROM },
    mail_api: { services: Object.fromEntries(SINK_MAIL_SERVICES.map(service)) as object },
    mail: { via: 'smtp', domains: Object.fromEntries(domains) as object },
    webhook: { endpoints: Object.fromEntries(Object.entries(ENDPOINTS).map(endpoint)) },
    slack: { hooks: Object.fromEntries(await Promise.all(Object.entries(sinks.secrets.slack_paths).map(hook))) },
    ...others,
  };
  await writeFile(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
}
