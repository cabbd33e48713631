import type { Setting, SettingsDefinition } from '@assay/service';
import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { code, table } from './markdown.js';
import type { Page } from './pages.js';
import { REPOSITORY } from './repository.js';

const MIB = 1024 * 1024;

/** The settings of one app. */
export interface AppSettings {
  app: string;
  settings: readonly Setting<unknown>[];
}

export const configurationPage: Page = {
  path: 'docs/configuration.md',
  build: async () => configurationText(await settingsOfApps()),
};

/** Every `apps/<app>/src/*.config.ts` exports its definition. */
async function settingsOfApps(): Promise<AppSettings[]> {
  const apps = readdirSync(join(REPOSITORY, 'apps')).sort();
  const found = await Promise.all(apps.map((app) => settingsOfApp(app)));
  return found.filter(({ settings }) => settings.length > 0);
}

/** Named after the sources, since a build leaves what was there before, and read as built. */
async function settingsOfApp(app: string): Promise<AppSettings> {
  const names = readdirSync(join(REPOSITORY, 'apps', app, 'src')).filter((name) => name.endsWith('.config.ts'));
  const built = (name: string) => join(REPOSITORY, 'dist', 'apps', app, 'src', name.replace(/ts$/, 'js'));
  const modules = await Promise.all(names.sort().map((name) => import(pathToFileURL(built(name)).href)));
  const definitions = modules.flatMap((exports) => Object.values(exports as object)).filter(isDefinition);
  return { app, settings: definitions.flatMap(({ settings }) => Object.values(settings)) };
}

function isDefinition(value: unknown): value is SettingsDefinition {
  const settings = (value as SettingsDefinition | null)?.settings;
  return typeof settings === 'object' && Object.values(settings).every((one) => typeof one.env === 'string');
}

export function configurationText(apps: readonly AppSettings[]): string {
  const shared = sharedByAll(apps);
  return [
    '# Configuration',
    'Made by `npm run generate` from the settings that each service declares. Settings are read from the environment, once, at start: every fault is named and stops the start, and so does an `ASSAY_*` variable that nobody declares. `--check` reads them, prints what is wrong or `OK`, and exits. A secret is given by reference, `env:NAME`, `file:/path` or `vault:mount/path#key`; files and vaults are read again ([secrets.md](secrets.md)).',
    ...(shared.length > 0 ? [section('Every service', shared)] : []),
    ...apps.map(({ app, settings }) =>
      section(
        app,
        settings.filter((one) => !shared.some(({ env }) => env === one.env)),
      ),
    ),
    '',
  ].join('\n\n');
}

/** Settings that every app declares in the same words. */
function sharedByAll(apps: readonly AppSettings[]): Setting<unknown>[] {
  const [first, ...others] = apps;
  if (others.length === 0) return [];
  return (first?.settings ?? []).filter((setting) => {
    const row = rowOf(setting).join();
    return others.every(({ settings }) => settings.some((one) => rowOf(one).join() === row));
  });
}

function section(title: string, settings: readonly Setting<unknown>[]): string {
  if (settings.length === 0) return `## ${title}\n\nNothing of its own.`;
  const rows = [...settings].sort((a, b) => (a.env < b.env ? -1 : 1)).map((setting) => rowOf(setting));
  return `## ${title}\n\n${table(['setting', 'meaning', 'kind', 'may be', 'default'], rows)}`;
}

function rowOf({ env, doc, kind, allowed, default: fallback }: Setting<unknown>): string[] {
  return [code(env), doc, kind.replaceAll('_', ' '), allowed ?? '', defaultText(fallback, env.endsWith('_BYTES'))];
}

/** What depends on the host or the process is named, not printed. */
function defaultText(fallback: unknown, bytes: boolean): string {
  if (fallback === undefined) return 'required';
  if (fallback === null) return 'none';
  if (bytes && Number(fallback) % MIB === 0) return `${code(String(fallback))} (${Number(fallback) / MIB} MiB)`;
  const text = Array.isArray(fallback) ? fallback.join(', ') : String(fallback);
  return code(text.replace(`${hostname()}-${process.pid}`, '<host name>-<process id>'));
}
