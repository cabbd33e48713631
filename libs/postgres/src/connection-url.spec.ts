import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings, defineSettings } from '@assay/service';
import { checkConnectionUrl, readConnectionUrl } from './connection-url.js';
import { POSTGRES_SETTINGS } from './settings.js';

const BASE = 'postgres://app:tangerine@db:5433/assay';

describe('readConnectionUrl', () => {
  it('reads one host, percent-encoding in each part, and what is left out', () => {
    expect(readConnectionUrl('postgresql://a%40b:p%2F%3A%40%25@db/as%20say')).toEqual({
      servers: [{ host: 'db', port: 5432 }],
      ...{ user: 'a@b', password: 'p/:@%', database: 'as say', attributes: 'any', tls: { mode: 'disable' } },
    });
  });

  it.each([
    ['postgres://u:p@h1:5432,h2:6432/d', ['h1:5432', 'h2:6432']],
    ['postgres://u:p@h1,h2/d', ['h1:5432', 'h2:5432']],
    ['postgres://u:p@[::1]:7000,10.0.0.2/d', ['::1:7000', '10.0.0.2:5432']],
    ['postgres://u:p@/d?host=h1,h2&port=1,2', ['h1:1', 'h2:2']],
    ['postgres://u:p@/d?host=h1,h2&port=9', ['h1:9', 'h2:9']],
    ['postgres://u:p@/d?host=/cloudsql/p:r:i', ['/cloudsql/p:r:i:5432']],
    ['postgres://u:p@%2Fvar%2Frun:5433/d', null],
  ])('reads the hosts of %s', (url, servers) => {
    const read = () => readConnectionUrl(url).servers.map(({ host, port }) => `${host}:${port}`);
    if (servers) expect(read()).toEqual(servers);
    else expect(read()).toEqual(['/var/run:5433:5432']);
  });

  it('looks for a server that takes writes where there are several, unless the URL says otherwise', () => {
    expect(readConnectionUrl('postgres://u:p@h1,h2/d').attributes).toBe('read-write');
    expect(readConnectionUrl('postgres://u:p@h1,h2/d?target_session_attrs=any').attributes).toBe('any');
    expect(readConnectionUrl('postgres://u:p@h1/d?target_session_attrs=primary').attributes).toBe('primary');
  });

  it('asks the authority wherever the URL names one, as libpq does', () => {
    expect(readConnectionUrl(`${BASE}?sslmode=require`).tls.mode).toBe('require');
    expect(readConnectionUrl(`${BASE}?sslmode=require&sslrootcert=/ca`).tls.mode).toBe('verify-ca');
    expect(readConnectionUrl(`${BASE}?sslmode=verify-full`).tls).toEqual({ mode: 'verify-full' });
  });

  it.each([
    ['mysql://app:tangerine@db/assay', 'is no connection URL'],
    ['tangerine', 'is no connection URL'],
    ['postgres://app:tan#gerine@db/assay', 'is no connection URL'],
    ['postgres://app:tan/gerine@db/assay', 'host 1 has no port from|host 1 is neither'],
    ['postgres://app:tan%gerine@db/assay', 'has a % in the password'],
    ['postgres://db/assay', 'names no role'],
    ['postgres://app:tangerine@db', 'names no database'],
    ['postgres://app:tangerine@/assay', 'host 1 has no name'],
    ['postgres://app:tangerine@db,/assay', 'host 2 has no name'],
    ['postgres://app:tangerine@db:0/assay', 'host 1 has no port from 1 to 65535'],
    ['postgres://app:tangerine@a,b/assay?host=c', 'names its host twice'],
    ['postgres://app:tangerine@/assay?host=a,b,c&port=1,2', 'has 3 hosts and 2 ports'],
    [`${BASE}?sslmode=prefer`, 'sslmode=prefer may go without TLS unsaid: write disable, require'],
    [`${BASE}?sslmode=allow`, 'sslmode=allow may go without TLS unsaid'],
    [`${BASE}?sslmode=tangerine`, 'sslmode must be one of disable, require, verify-ca, verify-full'],
    [`${BASE}?sslmode=require&sslmode=disable`, 'names sslmode twice'],
    [`${BASE}?sslrootcert=/ca`, 'names certificates and goes without TLS: write sslmode=verify-full'],
    [`${BASE}?sslmode=verify-ca`, 'sslmode=verify-ca needs sslrootcert'],
    [`${BASE}?sslmode=require&sslrootcert=system`, 'sslrootcert=system needs sslmode=verify-full'],
    [`${BASE}?sslmode=require&sslcert=/c`, 'sslcert and sslkey go together'],
    [`${BASE}?target_session_attrs=standby`, 'target_session_attrs must be one of any, read-write, primary'],
    [`${BASE}?options=-c%20x%3D1`, 'has the parameter options: poolers refuse it'],
    [`${BASE}?tangerine9=1`, 'has the parameter one that is no plain word'],
  ])('says what is wrong with a URL, and never a piece of it: %s', (url, said) => {
    expect(() => readConnectionUrl(url)).toThrow(new RegExp(said));
    expect(() => readConnectionUrl(url)).not.toThrow(/tan(?!d)|gerine/);
  });
});

describe('the files that a URL names', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-tls-'));
  const path = (name: string): string => join(folder, name);
  beforeAll(() => {
    for (const name of ['one', 'two']) {
      const made = ['-keyout', path(`${name}.key`), '-out', path(`${name}.crt`)];
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`];
      execFileSync('openssl', ['req', '-x509', ...kind, ...made], { stdio: 'ignore' });
    }
    writeFileSync(path('empty'), '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const at = (query: string): string => `${BASE}?sslmode=verify-full&${query.replaceAll('DIR', folder)}`;

  it('are good', () => {
    checkConnectionUrl(at('sslrootcert=DIR/one.crt&sslcert=DIR/two.crt&sslkey=DIR/two.key'));
  });

  it.each([
    ['sslrootcert=DIR/none', 'sslrootcert: DIR/none: ENOENT'],
    ['sslrootcert=DIR/empty', 'sslrootcert: DIR/empty: is not PEM'],
    ['sslcert=DIR/one.crt&sslkey=DIR/two.key', 'sslcert: DIR/one.crt: .*sslkey must be its key'],
    ['sslcert=DIR/one.crt&sslkey=DIR/one.crt', 'sslkey: DIR/one.crt: '],
  ])('stop the start where they cannot be used: %s', (query, said) => {
    const definition = defineSettings({ postgres_url: POSTGRES_SETTINGS.postgres_url });
    const env = { ASSAY_POSTGRES_URL: 'env:URL', URL: at(query) };
    const start = () => readSettings(definition, env);
    expect(start).toThrow(new RegExp(`ASSAY_POSTGRES_URL: ${said.replaceAll('DIR', folder)}`));
    expect(start).not.toThrow(/tangerine/);
  });
});
