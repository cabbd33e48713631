import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_NAMES, TOPICS } from '@assay/contracts';
import type { EventType, ServiceName } from '@assay/contracts';
import { REPOSITORY } from './repository.js';

/** A service's sources as one text, without its tests. */
function sourcesOf(service: ServiceName): string {
  const root = join(REPOSITORY, 'apps', service, 'src');
  const names = readdirSync(root, { recursive: true }) as string[];
  return names
    .filter((name) => name.endsWith('.ts') && !/\.(spec|fixture)\.ts$/.test(name))
    .map((name) => readFileSync(join(root, name), 'utf8'))
    .join('\n');
}

const sorted = (types: readonly EventType[]) => [...new Set(types)].sort();
const typesWhere = (holds: (topic: (typeof TOPICS)[number]) => boolean) =>
  sorted(TOPICS.filter(holds).map(({ type }) => type));

describe('the list of topics', () => {
  it.each(SERVICE_NAMES.map((name) => [name]))('names as read by %s what it has handlers for', (service) => {
    const handled = [...sourcesOf(service).matchAll(/@EventPattern<string>\('([^']+)'/g)].map(
      ([, type]) => type as EventType,
    );
    expect(typesWhere(({ consumers }) => consumers.includes(service))).toEqual(sorted(handled));
  });

  it.each(SERVICE_NAMES.map((name) => [name]))(
    'names as used by %s the events that it speaks of, and no other',
    (service) => {
      const text = sourcesOf(service);
      // Whatever the service, the library answers for a record or an event that it cannot place (WQ-1, DLQ-4).
      const spoken = typesWhere(({ type }) => text.includes(`'${type}'`) || type === 'stage.dead_lettered');
      const used = typesWhere(({ producers, consumers }) => [...producers, ...consumers].includes(service));
      expect(used).toEqual(spoken);
    },
  );
});
