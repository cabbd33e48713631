import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULT_CURES, ProvidersFileError } from '@assay/providers-file';
import type { ProvidersDescription, ProvidersFault } from '@assay/providers-file';
import { assayctl } from '../../apps/assayctl/src/assayctl.js';
import { NOTIFIER_SETTINGS } from '../../apps/notifier/src/notifier.config.js';
import { createProviders } from '../../apps/notifier/src/providers/index.js';

const ROOT = join(import.meta.dirname, '..', '..');
const FIXTURES = join(ROOT, 'libs', 'providers-file', 'fixtures');

interface Fixture {
  says: string;
  /** As a value, as text, or as bytes. */
  file?: unknown;
  text?: string;
  base64?: string;
  /** What the published schema does alone. */
  schema?: 'takes' | 'refuses';
  faults?: { code: string; pointer: string }[];
}
const fixtures = (name: string) =>
  JSON.parse(readFileSync(join(FIXTURES, name), 'utf8').replaceAll('{fixtures}', FIXTURES)) as Fixture[];
const [RIGHT, WRONG] = [fixtures('right.json'), fixtures('wrong.json')];

const ENV = {
  HOOK: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  HOOK_URL: 'https://hooks.example.org/services/T/B/x',
  TOKEN: 'pomegranate',
  PEM: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----',
};
const schema = new Ajv2020({ allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(join(ROOT, 'docs', 'schemas', 'providers-file.json'), 'utf8')) as object,
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'assay-providers-file-'));
  Object.assign(process.env, ENV);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  for (const name of Object.keys(ENV)) delete process.env[name];
});

function bytesOf({ file, text, base64 }: Fixture): Buffer {
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return Buffer.from(text ?? JSON.stringify(file));
}

function written(fixture: Fixture): string {
  const path = join(folder, 'providers.json');
  writeFileSync(path, bytesOf(fixture));
  return path;
}

/** As the notifier starts: its setting, and then the providers. */
async function start(path: string): Promise<readonly ProvidersFault[]> {
  try {
    const file = NOTIFIER_SETTINGS.settings.providers.parse(path, process.env);
    await (await createProviders(file, 1_000)).close();
    return [];
  } catch (error) {
    if (!(error instanceof ProvidersFileError)) throw error;
    return error.faults;
  }
}

interface Checked {
  right: boolean;
  faults: ProvidersFault[];
  does?: ProvidersDescription;
}

async function check(path: string, ...options: string[]) {
  let out = '';
  const code = await assayctl(['providers', 'check', path, ...options], {
    read: (file) => readFileSync(file),
    run: () => {
      throw new Error('no other program is needed');
    },
    out: (text) => (out += text),
    err: (text) => (out += text),
    env: process.env,
    colour: false,
    columns: 120,
  });
  return { code, out };
}

async function checked(path: string, ...options: string[]): Promise<Checked & { code: number }> {
  const { code, out } = await check(path, '--json', ...options);
  return { code, ...(JSON.parse(out) as Checked) };
}

const placesOf = (faults: readonly { code: string; pointer: string }[]) =>
  faults.map(({ code, pointer }) => `${code} ${pointer}`).toSorted();

function bySchema(fixture: Fixture): 'takes' | 'refuses' {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytesOf(fixture));
    return schema(JSON.parse(text)) ? 'takes' : 'refuses';
  } catch {
    return 'refuses';
  }
}

describe('a providers file', () => {
  it.each(RIGHT)('DEL-6.b that is right is taken by the start, the check and the schema: $says', async (fixture) => {
    const path = written(fixture);
    expect(await start(path)).toEqual([]);
    expect(await checked(path)).toMatchObject({ code: 0, right: true, faults: [] });
    expect(bySchema(fixture)).toBe('takes');
  });

  it.each(WRONG)(
    'DEL-6.b that is wrong is refused by the start and the check for the same faults, and by the schema where it can say so: it $says',
    async (fixture) => {
      const path = written(fixture);
      const at_start = await start(path);
      expect(placesOf(at_start)).toEqual(placesOf(fixture.faults!));
      const { code, right, faults } = await checked(path);
      expect([code, right, faults]).toEqual([1, false, at_start]);
      expect(bySchema(fixture)).toBe(fixture.schema);
      const { out } = await check(path);
      for (const { code: named, message, cure } of faults) {
        for (const part of [named, message, cure]) expect(out).toContain(part);
      }
      expect(JSON.stringify(faults) + out).not.toMatch(/tangerine|pomegranate/);
    },
  );

  it('DEL-6.b has fixtures for every code of a fault, each of which names its cure', () => {
    const codes = new Set(WRONG.flatMap(({ faults }) => faults!.map(({ code }) => code)));
    expect([...codes].toSorted()).toEqual(Object.keys(FAULT_CURES).toSorted());
  });
});

describe('assayctl providers check', () => {
  it('DEL-6.c says what the notifier would do, without a secret', async () => {
    const [, , mail] = RIGHT;
    const { does } = await checked(written(mail!));
    expect(does).toMatchObject({
      destinations: [
        { name: 'mail_api:fast', to: 'api.resend.com', concurrency: 8, rate_per_s: 2 },
        { name: 'mail_api:kept', to: '127.0.0.1:9' },
      ],
      mail: { otherwise: 'mail_api:fast', domains: { 'example.com': 'mail_api:kept' } },
    });
    const told: string[] = [];
    for (const fixture of RIGHT) told.push((await check(written(fixture))).out);
    expect(told[2]).toMatch(/example\.com +mail_api:kept\nall others +mail_api:fast/);
    expect(told[0]).toContain('It tells nobody.');
    for (const value of Object.values(ENV)) expect(told.join('')).not.toContain(value);
  });

  it('DEL-6.c warns of what is allowed and seldom meant', async () => {
    const endpoint = { url: 'http://bot.example.org/hook', secrets: ['env:HOOK'] };
    const smtp = { host: 'mail.example.org', from: 'a@example.org', user: 'u', password: 'env:TOKEN' };
    const service = { like: 'resend', token: 'env:TOKEN', from: 'a@example.org' };
    const file = { smtp, webhook: { endpoints: { bot: endpoint } }, mail_api: { services: { idle: service } } };
    const { code, does } = await checked(written({ says: '', file }));
    expect([code, does!.warnings.map(({ entry }) => entry)]).toEqual([0, ['webhook:bot', 'smtp', 'mail_api:idle']]);
  });

  it('DEL-6.c judges the form alone where the secrets are elsewhere', async () => {
    const secrets = ['env:NOT_HERE', 'file:/not/here'];
    const file = { webhook: { endpoints: { bot: { url: 'https://bot.example.org', secrets } } } };
    const path = written({ says: '', file });
    expect((await checked(path)).code).toBe(1);
    expect((await checked(path, '--no-secrets')).code).toBe(0);
    const mistake = { webhook: { endpoints: { bot: { url: 'https://bot.example.org', secrets: ['tangerine'] } } } };
    const { faults } = await checked(written({ says: '', file: mistake }), '--no-secrets');
    expect(faults.map(({ code }) => code)).toEqual(['not_a_reference']);
  });

  it('DEL-6.c answers 2 to wrong use', async () => {
    const path = written(RIGHT[0]!);
    for (const args of [[], ['judge', path], ['check'], ['check', '/nowhere'], ['check', path, '--quietly']]) {
      const code = await assayctl(['providers', ...args], {
        ...{ read: (file: string) => readFileSync(file), run: () => Promise.reject(new Error('none')) as never },
        ...{ out: () => undefined, err: () => undefined, env: process.env, colour: false, columns: 100 },
      });
      expect([args, code]).toEqual([args, 2]);
    }
  });
});
