import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Database } from './database.js';

/** A forward-only migration (OPS-2) of plain SQL statements. TypeORM wants a `name` that ends in a 13-digit time. */
export abstract class SqlMigration implements MigrationInterface {
  abstract readonly name: string;
  abstract readonly statements: readonly string[];

  async up(runner: QueryRunner): Promise<void> {
    for (const sql of this.statements) await runner.query(sql);
  }

  down(): Promise<void> {
    return Promise.reject(new Error(`${this.name} is forward-only: write a new migration that mends it`));
  }
}

export type MigrationClass = new () => SqlMigration;

/**
 * Applies what is pending and returns the names of what it applied. TypeORM's own runner races with itself, so an
 * advisory lock (keyed by the schema) lets one command at a time through; the others then find nothing to do.
 */
export async function runMigrations(database: Database, schema: string): Promise<string[]> {
  const runner = database.dataSource.createQueryRunner();
  await runner.connect();
  try {
    await runner.query(`SELECT pg_advisory_lock(hashtextextended('assay.migrations.' || $1, 0))`, [schema]);
    const applied = await database.dataSource.runMigrations({ transaction: 'each' });
    return applied.map((migration) => migration.name);
  } finally {
    await runner.query(`SELECT pg_advisory_unlock_all()`).catch(() => undefined);
    await runner.release();
  }
}
