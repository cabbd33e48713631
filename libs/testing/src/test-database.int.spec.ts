import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { testDatabase, type TestDatabase } from './index.js';

const SERVICES = ['ingest', 'validator', 'notifier', 'dead_letter'] as const;

describe('one database role per service', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase('ingest', { empty: true });
    for (const service of SERVICES) await database.sql(`CREATE TABLE ${service}.things (id int)`);
    for (const service of SERVICES) await database.sql(`ALTER TABLE ${service}.things OWNER TO assay_${service}`);
  });
  afterAll(() => database.close());

  async function attempt(role: (typeof SERVICES)[number], statement: string): Promise<string> {
    const client = new Client({ connectionString: database.roleUrl(role) });
    await client.connect();
    try {
      await client.query(statement);
      return 'allowed';
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      await client.end();
    }
  }

  it.each(SERVICES)('SEC-7.a lets %s reach its own schema and refuses every other', async (role) => {
    for (const schema of SERVICES) {
      const expected = schema === role ? 'allowed' : '42501';
      expect([schema, await attempt(role, `SELECT * FROM ${schema}.things`)]).toEqual([schema, expected]);
      expect([schema, await attempt(role, `CREATE TABLE ${schema}.more (id int)`)]).toEqual([schema, expected]);
    }
  });

  it.each(SERVICES)(
    'SEC-7.a refuses %s the public schema, temporary tables, new roles and new databases',
    async (role) => {
      expect(await attempt(role, 'CREATE TABLE public.things (id int)')).toBe('42501');
      expect(await attempt(role, 'CREATE TEMPORARY TABLE scratch (id int)')).toBe('42501');
      expect(await attempt(role, 'CREATE ROLE another')).toBe('42501');
      expect(await attempt(role, 'CREATE DATABASE another')).toBe('42501');
    },
  );

  it('SEC-7.a finds tables named without a schema in the own schema', async () => {
    expect(await attempt('notifier', 'INSERT INTO things VALUES (1)')).toBe('allowed');
    expect(await database.sql('SELECT * FROM notifier.things')).toEqual([{ id: 1 }]);
    expect(await database.sql('SELECT * FROM ingest.things')).toEqual([]);
  });
});
