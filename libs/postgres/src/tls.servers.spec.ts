import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fixedSecret } from '@assay/security';
import { PostgresServers } from '@assay/testing';
import type { CertificateFiles, PostgresServer } from '@assay/testing';
import { Database } from './database.js';

let servers: PostgresServers;
let server: PostgresServer;
let plain: PostgresServer;
let certificates: { app: CertificateFiles; stranger: CertificateFiles };

const ROLE = `CREATE ROLE app LOGIN PASSWORD 'p'; CREATE ROLE certified LOGIN; CREATE SCHEMA app`;

/** Serves TLS under a certificate for localhost alone; `certified` signs in by a certificate, and nobody without TLS. */
beforeAll(async () => {
  servers = await PostgresServers.open();
  const [own, other] = [await servers.authority('ca'), await servers.authority('other')];
  const serving = await own('server', 'DNS:localhost');
  certificates = { app: await own('certified', 'DNS:app'), stranger: await other('certified', 'DNS:app') };
  const tls = { ssl: 'on', ssl_cert_file: serving.crt, ssl_key_file: serving.key, ssl_ca_file: at('ca.crt') };
  server = await servers.make('tls', {
    settings: tls,
    hba: [
      'hostssl all certified 127.0.0.1/32 cert',
      'hostssl all all 127.0.0.1/32 scram-sha-256',
      'hostnossl all postgres 127.0.0.1/32 scram-sha-256',
      'hostnossl all all 127.0.0.1/32 reject',
    ],
  });
  plain = await servers.make('plain');
  for (const each of [server, plain]) await each.sql(ROLE);
});
afterAll(() => servers.close());

const at = (name: string): string => join(servers.directory, name);

/** What protects the session, as the server sees it; rejects as the service's start would. */
async function connect(query: string, options: { host?: string; role?: string; to?: PostgresServer } = {}) {
  const { host = 'localhost', role = 'app:p', to = server } = options;
  const url = `postgres://${role}@${host}:${to.port}/postgres${query === '' ? '' : `?${query}`}`;
  const database = new Database({
    ...{ url: fixedSecret(url), schema: 'app', pool_size: 2, statement_timeout_ms: 5_000, application_name: 'tls' },
  });
  try {
    await database.open();
    const [row] = await database.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    return row!.ssl ? 'encrypted' : 'plain';
  } finally {
    await database.close();
  }
}

const refused = (reason: string) =>
  expect.objectContaining({ message: expect.stringMatching(reason) as unknown as string });

describe('sslmode', () => {
  it.each([
    ['sslmode=require', 'localhost'],
    ['sslmode=require', '127.0.0.1'],
    ['sslmode=require&sslrootcert=CA', '127.0.0.1'],
    ['sslmode=verify-ca&sslrootcert=CA', 'localhost'],
    ['sslmode=verify-ca&sslrootcert=CA', '127.0.0.1'],
    ['sslmode=verify-full&sslrootcert=CA', 'localhost'],
  ])('SEC-7.d encrypts with %s to a server at %s', async (query, host) => {
    expect(await connect(query.replace('CA', at('ca.crt')), { host })).toBe('encrypted');
  });

  it.each([
    ['sslmode=require&sslrootcert=OTHER', 'localhost', 'unable to verify|self.signed|issuer'],
    ['sslmode=verify-ca&sslrootcert=OTHER', 'localhost', 'unable to verify|self.signed|issuer'],
    ['sslmode=verify-full&sslrootcert=OTHER', 'localhost', 'unable to verify|self.signed|issuer'],
    ['sslmode=verify-full', 'localhost', 'unable to verify|self.signed|issuer'],
    ['sslmode=verify-full&sslrootcert=CA', '127.0.0.1', 'does not match|not in the cert'],
    ['sslmode=disable', 'localhost', 'no encryption'],
    ['', 'localhost', 'no encryption'],
  ])('SEC-7.d refuses with %s a server at %s that is not what it asks for', async (query, host, reason) => {
    const made = query.replace('CA', at('ca.crt')).replace('OTHER', at('other.crt'));
    await expect(connect(made, { host })).rejects.toEqual(refused(reason));
  });

  it.each(['require', 'verify-full'])('SEC-7.d refuses with sslmode=%s a server without TLS', async (sslmode) => {
    await expect(connect(`sslmode=${sslmode}`, { to: plain })).rejects.toEqual(refused('does not support SSL'));
    expect(await connect('sslmode=disable', { to: plain })).toBe('plain');
  });

  it('SEC-7.d signs in by a certificate of the right authority, and by no other', async () => {
    const query = (own: CertificateFiles) =>
      `sslmode=verify-full&sslrootcert=${at('ca.crt')}&sslcert=${own.crt}&sslkey=${own.key}`;
    expect(await connect(query(certificates.app), { role: 'certified' })).toBe('encrypted');
    await expect(connect(query(certificates.stranger), { role: 'certified' })).rejects.toThrow();
    await expect(connect('sslmode=require', { role: 'certified' })).rejects.toEqual(refused('certificate'));
  });

  it('makes its next connection by the certificates that stand in the files then', async () => {
    const rotated = at('rotated.crt');
    await copyFile(at('other.crt'), rotated);
    const query = `sslmode=verify-full&sslrootcert=${rotated}`;
    const url = `postgres://app:p@localhost:${server.port}/postgres?${query}`;
    const options = { schema: 'app', pool_size: 2, statement_timeout_ms: 5_000, application_name: 'tls' };
    const database = new Database({ url: fixedSecret(url), ...options });
    await expect(database.open()).rejects.toThrow();
    await copyFile(at('ca.crt'), rotated);
    await database.open();
    await writeFile(rotated, 'no PEM');
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });
});
