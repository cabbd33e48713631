import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HTTP_SETTINGS, PROCESS_SETTINGS } from './common-settings.js';
import { document, file } from './file-settings.js';
import { defineSettings, readSettings } from './read-settings.js';
import { faultsIn } from './settings.fixture.js';
import { durationMs, flag, integer, list, oneOf, ratio, secretRef, text } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'assay-settings-'));
const path = join(folder, 'list.json');
writeFileSync(path, '["a"]');
afterAll(() => rmSync(folder, { recursive: true }));

const settings = defineSettings({
  name: text({ env: 'ASSAY_NAME', doc: 'A name.', pattern: /^[a-z]+$/ }),
  note: text({ env: 'ASSAY_NOTE', doc: 'A note.', default: null }),
  size: integer({ env: 'ASSAY_SIZE', doc: 'A size.', default: 3, min: 1, max: 9 }),
  wait_ms: durationMs({ env: 'ASSAY_WAIT_MS', doc: 'A wait.', default: 250 }),
  share: ratio({ env: 'ASSAY_SHARE', doc: 'A share.', default: 0.5 }),
  loud: flag({ env: 'ASSAY_LOUD', doc: 'Loud?', default: false }),
  mode: oneOf({ env: 'ASSAY_MODE', doc: 'A mode.', values: ['calm', 'wild'], default: 'calm' }),
  hosts: list({ env: 'ASSAY_HOSTS', doc: 'Hosts.' }),
  secret: secretRef({ env: 'ASSAY_SECRET', doc: 'A secret.' }),
  path: file({ env: 'ASSAY_PATH', doc: 'A path.', default: null }),
  rules: document({
    env: 'ASSAY_RULES',
    doc: 'Rules.',
    read: (content) => {
      const rules = JSON.parse(content) as string[];
      if (rules.length === 0) throw new Error('has no rule\nhas no author');
      return rules;
    },
  }),
});

const good = {
  ASSAY_NAME: 'abc',
  ASSAY_HOSTS: 'a:1, b:2',
  ASSAY_SECRET: 'env:ASSAY_THE_SECRET',
  ASSAY_THE_SECRET: 'tangerine',
  ASSAY_RULES: path,
  PATH: '/usr/bin',
};

const faultsOf = (env: NodeJS.ProcessEnv) => faultsIn(settings, env);

describe('readSettings', () => {
  it('gives typed values and defaults', () => {
    const config = readSettings(settings, { ...good, ASSAY_SIZE: '9', ASSAY_LOUD: 'true', ASSAY_SHARE: '0.25' });
    const typed: { name: string; note: string | null; size: number; mode: 'calm' | 'wild'; hosts: string[] } = config;
    expect(typed).toMatchObject({ name: 'abc', note: null, size: 9, mode: 'calm', hosts: ['a:1', 'b:2'] });
    expect(config).toMatchObject({ wait_ms: 250, share: 0.25, loud: true, path: null, rules: ['a'] });
    expect(config.secret.current().reveal()).toBe('tangerine');
  });

  it('names every fault at once, and no value that may be secret', () => {
    writeFileSync(join(folder, 'empty.json'), '[]');
    const faults = faultsOf({
      ASSAY_NAME: 'ABC',
      ASSAY_SIZE: '10',
      ASSAY_WAIT_MS: '1.5',
      ASSAY_SHARE: '2',
      ASSAY_LOUD: 'yes',
      ASSAY_MODE: 'tame',
      ASSAY_HOSTS: 'a,,b',
      ASSAY_SECRET: 'tangerine',
      ASSAY_PATH: '/nowhere/x',
      ASSAY_RULES: join(folder, 'empty.json'),
      ASSAY_NAMES: 'x',
      ASSAY_OTHER: 'x',
    });
    expect(faults).toEqual([
      'ASSAY_NAME: must match ^[a-z]+$',
      'ASSAY_SIZE: must be a whole number from 1 to 9',
      'ASSAY_WAIT_MS: must be a whole number of at least 0',
      'ASSAY_SHARE: must be a number from 0 to 1',
      'ASSAY_LOUD: must be true or false',
      'ASSAY_MODE: must be one of calm, wild',
      'ASSAY_HOSTS: must be a comma-separated list without empty entries',
      'ASSAY_SECRET: a reference to a secret is expected: env:NAME or file:/path or vault:mount/path#key',
      'ASSAY_PATH: /nowhere/x cannot be read (ENOENT)',
      'ASSAY_RULES: has no rule',
      'ASSAY_RULES: has no author',
      'ASSAY_NAMES: no such setting; did you mean ASSAY_NAME?',
      'ASSAY_OTHER: no such setting',
    ]);
    expect(faultsOf({})).toHaveLength(4);
    expect(faultsOf({})[0]).toBe('ASSAY_NAME: is missing. A name.');
  });

  it('tells what a variable of our prefix holds by the reference to it', () => {
    expect(faultsOf(good)).toEqual([]);
    expect(faultsOf({ ...good, ASSAY_THE_OTHER_SECRET: 'x' })).toEqual(['ASSAY_THE_OTHER_SECRET: no such setting']);
  });

  it("lets a command stand in its service's environment", () => {
    const command = defineSettings(PROCESS_SETTINGS);
    const env = { ASSAY_HTTP_PORT: 'not read here' };
    expect(() => readSettings(command, env)).toThrow('ASSAY_HTTP_PORT: no such setting');
    expect(readSettings(command, env, { also_known: [defineSettings(HTTP_SETTINGS)] }).log_level).toBe('info');
  });
});

describe('defineSettings', () => {
  it('refuses a variable without our prefix or declared twice', () => {
    const one = text({ env: 'ASSAY_X', doc: 'x' });
    expect(() => defineSettings({ one, two: one })).toThrow('ASSAY_X is declared twice');
    expect(() => defineSettings({ one: text({ env: 'X', doc: 'x' }) })).toThrow('X does not start with ASSAY_');
  });
});
