import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ServiceName, SERVICES } from './service-names.js';

/** Which parts import which, by the `@assay/…` names in their sources: `apps/ingest` → `contracts`, `service`, … */
export function readImports(root: string): Map<string, Set<string>> {
  const parts = ['apps', 'libs'].flatMap((room) => readdirSync(join(root, room)).map((name) => `${room}/${name}`));
  return new Map(
    parts.map((part) => {
      const folder = join(root, part, 'src');
      const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
        /(?<!\.spec|\.fixture)\.ts$/.test(name),
      );
      const texts = names.map((name) => readFileSync(join(folder, name), 'utf8'));
      return [
        part,
        new Set(
          texts.flatMap((text) => [...text.matchAll(/from '@assay\/([\w-]+)'/g)].map(([, lib]) => `libs/${lib}`)),
        ),
      ];
    }),
  );
}

/** The services that run something of a changed source file; none for a test. */
export function touchedServices(file: string, imports: ReadonlyMap<string, ReadonlySet<string>>): ServiceName[] {
  if (!/^(apps|libs)\/[^/]+\/src\/.*\.ts$/.test(file) || /\.(spec|fixture)\.ts$/.test(file)) return [];
  const part = file.split('/').slice(0, 2).join('/');
  return SERVICES.filter((service) => reaches(`apps/${service}`, part, imports));
}

function reaches(from: string, to: string, imports: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const seen = new Set<string>([from]);
  for (const part of seen) for (const next of imports.get(part) ?? []) seen.add(next);
  return seen.has(to);
}
