import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { code, table } from './markdown.js';
import type { Page } from './pages.js';
import { REPOSITORY } from './repository.js';

export interface DeclaredMetric {
  name: string;
  type: string;
  help: string;
  /** The app or lib that declares it. */
  part: string;
}

const TYPES: Record<string, string> = { observableGauge: 'gauge', observableCounter: 'counter' };
const TEXT = `(?:'([^']*)'|"([^"]*)")`;
const DECLARATION = new RegExp(
  `\\b(counter|gauge|histogram|observableGauge|observableCounter)\\(\\s*'([a-z0-9_]+)',\\s*(?:${TEXT}|(\\w+))`,
  'g',
);

/** Read from the sources: to load them would start what they belong to. */
export function declaredMetrics(): DeclaredMetric[] {
  const files = ['apps', 'libs']
    .flatMap((folder) =>
      (readdirSync(join(REPOSITORY, folder), { recursive: true }) as string[]).map((path) => join(folder, path)),
    )
    .filter((file) => /^\w+\/[^/]+\/src\/.*\.ts$/.test(file) && !file.endsWith('.spec.ts'));
  const found = files.flatMap((file) => {
    const source = readFileSync(join(REPOSITORY, file), 'utf8');
    return [...source.matchAll(DECLARATION)].map(([, kind, name, single, double, variable]) => {
      const named = variable && new RegExp(`const ${variable} =\\s*${TEXT}`).exec(source)?.[1];
      const help = single ?? double ?? named;
      if (!help) throw new Error(`${file}: the help of ${name} is not a text that stands in the file`);
      return { name: name!, type: TYPES[kind!] ?? kind!, help: help.replace(/\.$/, ''), part: file.split('/')[1]! };
    });
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export const metricsPage: Page = { path: 'docs/metrics.md', build: () => metricsText(declaredMetrics()) };

function metricsText(metrics: readonly DeclaredMetric[]): string {
  return [
    '# Metrics',
    'Made by `npm run generate` from what the code declares (OBS-2). Each service serves its own, and those of the libs that it uses, at `GET /metrics` of its probe port (`ASSAY_PROBE_PORT`). What stands after "by" are the labels: closed lists, or names of the configuration; never a job, a trace or a person. Counters count after the commit. A series appears with its first event.',
    table(
      ['metric', 'type', 'declared by', 'says'],
      metrics.map(({ name, type, part, help }) => [code(name), type, part, help]),
    ),
    '',
  ].join('\n\n');
}
