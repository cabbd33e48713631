import { randomBytes } from 'node:crypto';
import type { QueryResultRow } from 'pg';
import type { DatabaseService } from '../../../infra/local/postgres.js';
import { inDatabase, readSchemasSql, withClient } from './template.js';
import { testRun } from './test-run.js';

/** A database of the test file's own. */
export interface TestDatabase {
  readonly name: string;
  /** Connection URL of the role of the service that was asked for. */
  readonly url: string;
  /** Connection URL of any service's role. */
  roleUrl(service: DatabaseService): string;
  /** Rows of a statement run as superuser, with the asked service's schema on the search path. */
  sql<R extends QueryResultRow>(text: string, params?: unknown[]): Promise<R[]>;
  /** Drops the database, whoever is connected. */
  close(): Promise<void>;
}

/**
 * A fresh database with every service's tables, or, with `empty`, with the roles and schemas alone (what a lib's tests
 * want, which bring their own tables). Takes about 50 ms.
 */
export async function testDatabase(service: DatabaseService, options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const { address, faults, template } = testRun();
  const fault = faults[service];
  if (fault !== undefined && !options.empty) throw new Error(`no schema to copy for ${service}: ${fault}`);
  const name = `assay_test_${randomBytes(8).toString('hex')}`;
  const { admin_url, urls } = address.postgres;
  const source = options.empty ? 'template0' : template;
  const schemas = await readSchemasSql();
  await withClient(inDatabase(admin_url, 'postgres'), (admin) =>
    admin.query(`CREATE DATABASE ${name} TEMPLATE ${source}`),
  );
  const own_admin_url = inDatabase(admin_url, name);
  await withClient(own_admin_url, (admin) => admin.query(schemas));
  return {
    name,
    url: inDatabase(urls[service], name),
    roleUrl: (other) => inDatabase(urls[other], name),
    sql: <R extends QueryResultRow>(text: string, params?: unknown[]) =>
      withClient(own_admin_url, async (admin) => {
        await admin.query(`SET search_path = ${service}`);
        return (await admin.query<R>(text, params)).rows;
      }),
    close: () =>
      withClient(inDatabase(admin_url, 'postgres'), async (admin) => {
        await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}
