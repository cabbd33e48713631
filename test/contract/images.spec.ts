import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROCESS_SETTINGS, readSettings, type SettingsDefinition } from '@assay/service';
import { ArtefactCipher, resolveSecret } from '@assay/security';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DEAD_LETTER_SETTINGS } from '../../apps/dead-letter/src/dead-letter.config.js';
import { INGEST_SETTINGS } from '../../apps/ingest/src/ingest.config.js';
import { NOTIFIER_SETTINGS } from '../../apps/notifier/src/notifier.config.js';
import { VALIDATOR_SETTINGS } from '../../apps/validator/src/validator.config.js';
import { composePasswords, writeComposeFiles } from '../../infra/docker/make-secrets.js';
import { SERVICES } from '../../infra/local/service-names.js';
import type { ServiceName } from '../../infra/local/service-names.js';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Container {
  image: string;
  build?: { context: string; dockerfile: string; target: string };
  command?: string[];
  environment?: Record<string, string | number>;
  volumes?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string }>;
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, Container> };
const ours = Object.entries(compose.services).filter(([, { build }]) => build);

const dockerfile = read('infra/docker/Dockerfile');
const stages = [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, from, name]) => ({
  from: from!,
  name: name!,
}));

/**
 * Whether a program of the build has its source: `dist/bin/ingest.js` is bundled from `apps/ingest/src/main.ts`, and
 * `dist/bin/ingest/migrate.js` from `apps/ingest/src/commands/migrate.ts`.
 */
const isBuiltHere = (script: string): boolean => {
  const [, app, command] = /^dist\/bin\/([a-z-]+)(?:\/([a-z]+))?\.js$/.exec(script) ?? [];
  return existsSync(join(root, `apps/${app}/src/${command ? `commands/${command}` : 'main'}.ts`));
};

const SETTINGS: Record<ServiceName, SettingsDefinition> = {
  ingest: INGEST_SETTINGS,
  validator: VALIDATOR_SETTINGS,
  notifier: NOTIFIER_SETTINGS,
  'dead-letter': DEAD_LETTER_SETTINGS,
};

let files: string;
beforeAll(async () => {
  files = mkdtempSync(join(tmpdir(), 'assay-compose-'));
  await writeComposeFiles(files, files);
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

/** What the process in the container would see, its files where they lie here. */
function environmentOf({ environment = {} }: Container): NodeJS.ProcessEnv {
  const passwords = composePasswords();
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value)
        .replace(/\$\{([A-Z_]+):\?[^}]*\}/g, (_, variable: string) => passwords[variable] ?? '')
        .replaceAll('/run/assay/', `${files}/`),
    ]),
  );
}

describe('infra/docker/Dockerfile', () => {
  it('has a target for each service, which runs its main file as a user that is not root', () => {
    expect(stages.map(({ name }) => name)).toEqual(expect.arrayContaining([...SERVICES]));
    for (const service of SERVICES) {
      const stage = dockerfile.split(/^FROM /m).find((text) => text.startsWith(`runtime AS ${service}\n`))!;
      const [, command] = /^CMD (\[.*\])$/m.exec(stage)!;
      const scripts = (JSON.parse(command!) as string[]).filter((word) => word.endsWith('.js'));
      expect(scripts.map((script) => [script, isBuiltHere(script)])).toEqual([[`dist/bin/${service}.js`, true]]);
      expect(stage).not.toContain('USER');
    }
    const runtime = dockerfile.split(/^FROM /m).find((text) => text.includes('AS runtime\n'))!;
    expect(runtime).toMatch(/^USER node$/m);
    expect(runtime).toMatch(/^HEALTHCHECK [^]*livez/m);
  });

  it('copies only what is there, and what .dockerignore lets through', () => {
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, words]) =>
      words!.split(' ').slice(0, -1),
    );
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) {
      expect([source, existsSync(join(root, source))]).toEqual([source, true]);
      expect(allowed).toContain(`!${source}`);
    }
  });

  it('pins what it builds on and takes no secret', () => {
    const names = stages.map(({ name }) => name);
    for (const { from } of stages) expect(names.includes(from) || /^node:24\.\d+-bookworm-slim$/.test(from)).toBe(true);
    expect(dockerfile).not.toMatch(/PASSWORD|TOKEN|SECRET|_KEY/);
  });
});

describe('docker-compose.yml, the whole system', () => {
  it('pins every image', () => {
    for (const [name, { image }] of Object.entries(compose.services)) {
      expect([name, image]).toEqual([name, expect.stringMatching(/:(?!latest$)[\w.-]+$/)]);
    }
  });

  it('builds each container from a target of its service and runs a file of it', () => {
    for (const [name, { build, command }] of ours) {
      expect([name, build!.dockerfile, stages.some((stage) => stage.name === build!.target)]).toEqual([
        ...[name, 'infra/docker/Dockerfile', true],
      ]);
      expect(command!.at(-1)).toMatch(new RegExp(`^dist/bin/${build!.target}(/[a-z]+)?\\.js$`));
      for (const file of command!.filter((word) => word.endsWith('.js'))) {
        expect([file, isBuiltHere(file)]).toEqual([file, true]);
      }
    }
  });

  it('gives them a root file system that nobody can write, no capability and a health check', () => {
    for (const [name, container] of ours) {
      expect([name, container.read_only, container.cap_drop]).toEqual([name, true, ['ALL']]);
      const isJob = container.healthcheck?.disable === true;
      expect([name, isJob]).toEqual([name, !SERVICES.includes(name as ServiceName)]);
      if (!isJob) expect(container.healthcheck!.test!.join(' ')).toContain('readyz');
    }
  });

  it.each(SERVICES)(
    'configures %s completely: every variable is known, none is missing, each value is right',
    (service) => {
      const env = environmentOf(compose.services[service]!);
      expect(() => readSettings(SETTINGS[service], env)).not.toThrow();
    },
  );

  it('configures the jobs with variables that their service knows', () => {
    for (const [, container] of ours.filter(([name]) => !SERVICES.includes(name as ServiceName))) {
      const service = container.build!.target as ServiceName;
      const known = new Set([
        ...Object.values(SETTINGS[service].settings).map(({ env }) => env),
        ...Object.values(PROCESS_SETTINGS).map(({ env }) => env),
        'ASSAY_KAFKA_REPLICATION_FACTOR',
      ]);
      const named = Object.keys(container.environment ?? {}).filter((name) => name.startsWith('ASSAY_'));
      expect(named.filter((name) => !known.has(name))).toEqual([]);
    }
  });

  it('mounts only files that `npm run compose:secrets` makes', () => {
    const mounted = ours.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!));
    expect(mounted.length).toBeGreaterThan(8);
    for (const path of mounted) {
      expect([path, existsSync(path.replace('./.local/compose', files))]).toEqual([path, true]);
    }
  });

  it('SEC-8.d opens what was sealed before `npm run compose:secrets` ran again', async () => {
    const cipher = () => new ArtefactCipher(resolveSecret(`file:${join(files, 'artefact-keys')}`));
    const before = cipher().seal('a', Buffer.from('x'));
    await writeComposeFiles(files, files);
    const after = cipher();
    expect(after.open('a', before.key_id, before.bytes).toString()).toBe('x');
    expect(after.seal('a', Buffer.from('x')).key_id).not.toBe(before.key_id);
  });

  it('starts a service only on its tables and topics', () => {
    for (const service of SERVICES) {
      expect(compose.services[service]!.depends_on).toMatchObject({
        topics: { condition: 'service_completed_successfully' },
        [`${service}-migrate`]: { condition: 'service_completed_successfully' },
        postgres: { condition: 'service_healthy' },
      });
    }
  });
});
