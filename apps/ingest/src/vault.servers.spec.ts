import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually, provisionedVault, testDatabase, testRun } from '@assay/testing';
import type { ProvisionedVault } from '@assay/testing';
import { aSubmission, ingestFixture } from './ingest.fixture.js';
import type { IngestFixture } from './ingest.fixture.js';

jest.setTimeout(180_000);

const URL_REFERENCE = 'vault:app/ingest#postgres_url';
const KEYS_REFERENCE = 'vault:app/ingest#artefact_keys';
const ROLE = `rotated_${randomBytes(6).toString('hex')}`;
const PASSWORD = randomBytes(12).toString('hex');

let fixture: IngestFixture;
let vault: ProvisionedVault;
const started: ChildProcess[] = [];

beforeAll(async () => {
  [fixture, vault] = [await ingestFixture(), await provisionedVault('app/data/ingest')];
  await keep(fixture.database.url);
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'close');
  }
});
afterAll(async () => {
  await fixture.database.sql(`DROP OWNED BY ${ROLE}`).catch(() => undefined);
  await fixture.close();
  await testDatabase('ingest', { empty: true }).then(async (other) => {
    await other.sql(`DROP ROLE IF EXISTS ${ROLE}`);
    await other.close();
  });
  await vault.close();
});

async function keep(postgres_url: string): Promise<void> {
  await vault.bao.put('app/data/ingest', { postgres_url, artefact_keys: fixture.env['ARTEFACT_KEYS'] });
}

interface Run {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
}

/** The program as it is deployed: its secrets are in the vault, and nowhere in its environment. */
async function run(
  over: Record<string, string> = {},
  script = join('bin', 'ingest.js'),
  args: string[] = [],
): Promise<Run> {
  const { DB_URL: _url, ARTEFACT_KEYS: _keys, ...env } = fixture.env;
  const secrets = { ASSAY_POSTGRES_URL: URL_REFERENCE, ASSAY_ARTEFACT_KEYS: KEYS_REFERENCE };
  const child = spawn(process.execPath, [join(testRun().build, script), ...args], {
    env: {
      ...{ PATH: process.env['PATH'], ...env, ...secrets, ...(await vault.kubernetes()) },
      ...{ ASSAY_VAULT_POLL_MS: '300', ASSAY_VAULT_START_WAIT_MS: '1000', ASSAY_INSTANCE: 'by-vault', ...over },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output, ended: once(child, 'close').then(([code]) => code as number | null) };
}

async function listening(): Promise<Run & { url: string; probes: string }> {
  const service = await run();
  const [, port, probe_port] = await eventually(
    () => {
      const found = /"event":"started".*"port":(\d+).*"probe_port":(\d+)/.exec(service.output());
      if (!found) throw new Error(`not started: ${service.output()}`);
      return found;
    },
    { within_ms: 60_000 },
  );
  return { ...service, url: `http://127.0.0.1:${port}`, probes: `http://127.0.0.1:${probe_port}` };
}

async function submit({ url }: { url: string }): Promise<number> {
  const headers = { authorization: `Bearer ${fixture.keys.acme}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/v1/reviews`, { method: 'POST', headers, body: JSON.stringify(aSubmission()) });
  return answer.status;
}

async function ageOf({ probes }: { probes: string }, reference: string): Promise<number> {
  const text = await (await fetch(`${probes}/metrics`)).text();
  const line = text
    .split('\n')
    .find((each) => each.startsWith('assay_vault_secret_age_seconds') && each.includes(reference));
  return Number(line?.split(' ').at(-1) ?? NaN);
}

async function rolesOfSessions(): Promise<string[]> {
  const rows = await fixture.database.sql<{ usename: string }>(
    `SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE '%ingest%' ORDER BY 1`,
    [fixture.database.name],
  );
  return rows.map(({ usename }) => usename);
}

describe('ingest with its secrets in a vault', () => {
  it('SEC-3.b starts, and accepts what it is sent', async () => {
    const service = await listening();
    expect(await submit(service)).toBe(202);
    for (const reference of [URL_REFERENCE, KEYS_REFERENCE]) {
      expect(await ageOf(service, reference)).toBeLessThan(30);
    }
    expect(service.output()).not.toContain(new URL(fixture.database.url).password);
    expect(service.output()).not.toContain(fixture.env['ARTEFACT_KEYS']);
  });

  it('SEC-3.b has its schema made by the command migrate', async () => {
    const empty = await testDatabase('ingest', { empty: true });
    await keep(empty.url);
    const command = await run({}, join('bin', 'ingest', 'migrate.js'));
    expect([await command.ended, command.output()]).toEqual([0, expect.stringContaining('"event":"migrated"')]);
    expect(await empty.sql('SELECT FROM migrations')).not.toHaveLength(0);
    await keep(fixture.database.url);
    await empty.close();
  });

  it('SEC-3.b judges its configuration by --check, and ends', async () => {
    const checked = await run({}, join('bin', 'ingest.js'), ['--check']);
    expect([await checked.ended, checked.output()]).toEqual([0, 'OK\n']);
  });

  it('SEC-5.h goes on while the vault is killed, and by the new role once it is back', async () => {
    const service = await listening();
    await vault.bao.stop('SIGKILL');
    await eventually(async () => expect(await ageOf(service, URL_REFERENCE)).toBeGreaterThan(2));
    expect(await submit(service)).toBe(202);
    await fixture.database.sql(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${PASSWORD}' IN ROLE assay_ingest`);
    await vault.bao.start();
    await keep(Object.assign(new URL(fixture.database.url), { username: ROLE, password: PASSWORD }).href);
    await eventually(
      async () => {
        expect(await submit(service)).toBe(202);
        expect(await rolesOfSessions()).toEqual([ROLE]);
      },
      { within_ms: 60_000 },
    );
    expect(await ageOf(service, URL_REFERENCE)).toBeLessThan(30);
    const events = (name: string) => service.output().split(`"event":"${name}"`).length - 1;
    expect([events('vault_lost'), events('vault_regained')]).toEqual([1, 1]);
    expect(service.output()).not.toContain(PASSWORD);
    await keep(fixture.database.url);
  });
});

describe('a start of ingest', () => {
  const ends: [string, () => Promise<Record<string, string>>, RegExp][] = [
    [
      'a vault that is away',
      () => Promise.resolve({ ASSAY_VAULT_ADDRESS: 'https://127.0.0.1:1' }),
      /ASSAY_POSTGRES_URL: vault:app\/ingest#postgres_url cannot be read, since the vault at https:\/\/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/,
    ],
    [
      'a path that its policies deny',
      () => Promise.resolve({ ASSAY_POSTGRES_URL: 'vault:app/validator#postgres_url' }),
      /ASSAY_POSTGRES_URL: vault:app\/validator#postgres_url cannot be read, since the policies of this login do not let it read app\/data\/validator \(403\)/,
    ],
    [
      'a key that is not there',
      () => Promise.resolve({ ASSAY_ARTEFACT_KEYS: 'vault:app/ingest#keys' }),
      /ASSAY_ARTEFACT_KEYS: vault:app\/ingest#keys cannot be read, since app\/data\/ingest has no key keys/,
    ],
    [
      'a login that is refused',
      () => Promise.resolve({ ASSAY_VAULT_KUBERNETES_ROLE: 'nobody' }),
      /ASSAY_POSTGRES_URL: vault:app\/ingest#postgres_url cannot be read, since the vault refuses the login at auth\/kubernetes \(4\d\d\); see ASSAY_VAULT_KUBERNETES_/,
    ],
    [
      'an authority that the vault is not of',
      () => Promise.resolve({ ASSAY_VAULT_CA_FILE: '' }),
      /ASSAY_POSTGRES_URL: vault:app\/ingest#postgres_url cannot be read, since the vault at \S+ cannot be reached \([A-Z_]+\); see ASSAY_VAULT_ADDRESS and ASSAY_VAULT_CA_FILE/,
    ],
    [
      'no vault at all',
      () => Promise.resolve({ ASSAY_VAULT_ADDRESS: '' }),
      /ASSAY_VAULT_AUTH: means nothing without ASSAY_VAULT_ADDRESS/,
    ],
    [
      'a value that is none, which is not repeated',
      async () => {
        await vault.bao.put('app/data/ingest', { postgres_url: 'tangerine', artefact_keys: 'tangerine' });
        return {};
      },
      /ASSAY_POSTGRES_URL: .*is no connection URL/,
    ],
  ];
  it.each(ends)('SEC-3.f ends with 1 for %s, and names setting, reference and reason', async (_what, over, reason) => {
    const service = await run(await over());
    expect(await service.ended).toBe(1);
    expect(service.output()).toMatch(/^the configuration has \d+ faults?:\n/);
    expect(service.output()).toMatch(reason);
    expect(service.output()).not.toMatch(/tangerine|eyJ/);
    expect(service.output()).not.toContain(new URL(fixture.database.url).password);
    await keep(fixture.database.url);
  });

  it('SEC-3.f ends with 1 for a vault that is sealed, and says so', async () => {
    await vault.bao.seal();
    const service = await run();
    expect(await service.ended).toBe(1);
    expect(service.output()).toMatch(/postgres_url cannot be read, since the vault at \S+ is sealed\n/);
    await vault.bao.unseal();
  });
});
