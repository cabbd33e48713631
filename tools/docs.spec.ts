import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { deliveryKey } from '../apps/notifier/src/delivery/delivery-key.js';
import { REPOSITORY } from './repository.js';

const read = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');
const present = (path: string) => existsSync(join(REPOSITORY, path));
const SKIPPED = new Set(['.git', '.local', 'coverage', 'dist', 'node_modules']);
const files = readdirSync(REPOSITORY, { withFileTypes: true })
  .filter(({ name }) => !SKIPPED.has(name))
  .flatMap((entry) =>
    entry.isDirectory()
      ? (readdirSync(join(REPOSITORY, entry.name), { recursive: true }) as string[]).map((path) =>
          join(entry.name, path),
        )
      : [entry.name],
  );
const pages = files.filter((path) => path.endsWith('.md'));
const sources = files.filter((path) => /\.(ts|js|mjs)$/.test(path) && !path.startsWith('tools/'));
const manifest = JSON.parse(read('package.json')) as Record<
  'scripts' | 'dependencies' | 'devDependencies',
  Record<string, string>
>;

/** Headings as GitHub anchors them. */
function anchorsOf(page: string): Set<string> {
  const headings = [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function brokenLinks(page: string): string[] {
  const text = read(page).replace(/```[\s\S]*?```/g, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const file = path ? normalize(join(dirname(page), path)) : page;
    return !present(file) || (anchor !== undefined && !anchorsOf(file).has(anchor));
  });
}

/** `GET /v1/reviews/:id` of each handler, from the decorators. */
function routesOf(controller: string): string[] {
  const parts = controller.split(/@Controller\((?:'([^']*)')?\)/);
  return parts.flatMap((part, index) => {
    if (index % 2 === 0) return [];
    const handlers = parts[index + 1]!.matchAll(/@(Get|Post|Put|Patch|Delete)\((?:'([^']*)')?\)/g);
    return [...handlers].map(
      ([, method, path]) => `${method!.toUpperCase()} /${[part, path].filter(Boolean).join('/')}`,
    );
  });
}

function routesIn(page: string): string[] {
  return [...read(page).matchAll(/^\| `([A-Z]+ \/[^`]*)`/gm)].map(([, route]) => route!).toSorted();
}

describe('the documentation', () => {
  it.each(pages)('%s links to nothing that is not there', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('has every page that the code points to', () => {
    const named = sources.flatMap((source) =>
      [...read(source).matchAll(/\bdocs\/[\w/.-]+\.(?:md|json)\b/g)].map(([path]) => `${source}: ${path}`),
    );
    expect(named.filter((line) => !present(line.split(': ')[1]!))).toEqual([]);
  });

  it('explains every npm script in docs/development.md', () => {
    const page = read('docs/development.md');
    const unexplained = Object.keys(manifest.scripts).filter(
      (name) => !page.includes(name === 'test' ? '`npm test`' : `\`npm run ${name}\``),
    );
    expect(unexplained).toEqual([]);
  });

  it('gives a reason for every package that is installed, and for no other', () => {
    const installed = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const rows = read('docs/adr/dependencies.md').match(/^\| `.*$/gm) ?? [];
    const explained = rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
    expect(explained.toSorted()).toEqual(installed.toSorted());
  });

  it('OPS-5.c names every file that opens a transaction in docs/isolation.md, and all run at the level it states', () => {
    const product = sources.filter(
      (path) => /^(apps|libs(?!\/testing))\//.test(path) && !/\.(spec|fixture)\.ts$/.test(path),
    );
    const page = read('docs/isolation.md');
    const opening = product.filter((path) => /\.transaction\(/.test(read(path)));
    expect(opening.length).toBeGreaterThan(10);
    expect(opening.filter((path) => !page.includes(`\`${path}\``))).toEqual([]);
    expect(product.filter((path) => /isolation: '|SERIALIZABLE/.test(read(path)))).toEqual([]);
  });

  it('lists every route of every service in docs/http-api.md, and no other', () => {
    const controllers = sources.filter((path) => path.endsWith('.controller.ts'));
    expect(routesIn('docs/http-api.md')).toEqual(controllers.flatMap((path) => routesOf(read(path))).toSorted());
  });

  it('works out the delivery key of docs/delivery.md as the notifier does', () => {
    const recipient = { channel: 'webhook' as const, address: 'release-bot' };
    const key = deliveryKey({ source: 'acme', changelist_id: '4242', recipient, review_version: 1 });
    expect(read('docs/delivery.md')).toContain(key);
  });
});
