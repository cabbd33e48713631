import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import type { InfrastructureAddress } from '../../../infra/local/infrastructure.js';
import { DATABASE_SERVICES, type DatabaseService } from '../../../infra/local/postgres.js';
import { repositoryRoot } from '../../../infra/local/repository.js';
import type { TestRun } from './test-run.js';

type MigrationClass = new () => { statements?: readonly string[] };

interface ServiceMigrations {
  service: DatabaseService;
  migrations: MigrationClass[];
}

/** Two runs on one shared stack must not both make the template. */
const TEMPLATE_LOCK = 0x61737361;

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The same server and role, another database. */
export function inDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

export function readSchemasSql(): Promise<string> {
  return readFile(join(repositoryRoot(), 'infra', 'postgres', 'schemas.sql'), 'utf8');
}

async function loadMigrations(build: string): Promise<{ loaded: ServiceMigrations[]; faults: TestRun['faults'] }> {
  const loaded: ServiceMigrations[] = [];
  const faults: TestRun['faults'] = {};
  for (const service of DATABASE_SERVICES) {
    const file = join(build, 'apps', service.replace('_', '-'), 'src', 'migrations', 'index.js');
    if (!existsSync(file)) {
      faults[service] = `${service} has no migrations`;
      continue;
    }
    try {
      const module = (await import(file)) as { MIGRATIONS: MigrationClass[] };
      loaded.push({ service, migrations: module.MIGRATIONS });
    } catch (error) {
      // A lib's own test must not fail because an app does not load; the test that asks for that schema does.
      faults[service] = String(error);
    }
  }
  return { loaded, faults };
}

/** By what the migrations say: a shared stack keeps one template for each state of the source. */
function templateName(all: ServiceMigrations[], schemas: string): string {
  const hash = createHash('sha256').update(schemas);
  for (const { service, migrations } of all) {
    hash.update(service);
    for (const Migration of migrations) hash.update(JSON.stringify([Migration.name, new Migration().statements]));
  }
  return `assay_template_${hash.digest('hex').slice(0, 16)}`;
}

async function migrate(url: string, { service, migrations }: ServiceMigrations): Promise<void> {
  const source = new DataSource({
    type: 'postgres',
    url,
    schema: service,
    migrations,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    installExtensions: false,
    extra: { options: `-c search_path=${service} -c timezone=UTC` },
  });
  await source.initialize();
  try {
    await source.runMigrations({ transaction: 'each' });
  } finally {
    await source.destroy();
  }
}

/**
 * Makes the template database unless this state of the migrations has one: each service's schema, migrated under its own
 * role.
 */
export async function prepareTemplate(
  build: string,
  { postgres }: InfrastructureAddress,
): Promise<Pick<TestRun, 'template' | 'faults'>> {
  const { loaded, faults } = await loadMigrations(build);
  const schemas = await readSchemasSql();
  const template = templateName(loaded, schemas);
  await withClient(inDatabase(postgres.admin_url, 'postgres'), async (admin) => {
    await admin.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const known = await admin.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (known.rowCount === 1) return;
    // Under another name until it is whole: a run that dies here must not leave half a template.
    await admin.query(`DROP DATABASE IF EXISTS ${template}_partial WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${template}_partial`);
    await withClient(inDatabase(postgres.admin_url, `${template}_partial`), (client) => client.query(schemas));
    for (const each of loaded) await migrate(inDatabase(postgres.urls[each.service], `${template}_partial`), each);
    await admin.query(`ALTER DATABASE ${template}_partial RENAME TO ${template}`);
  });
  return { template, faults };
}
