import { Failure } from '@assay/contracts';
import { MigrationExecutor } from 'typeorm';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Database } from './database.js';

/** `lock_not_available`: a statement has waited for a lock as long as `lock_timeout` allows. */
const LOCK_TIMEOUT = '55P03';

/** A forward-only migration (OPS-2) of plain SQL statements. TypeORM wants a `name` that ends in a 13-digit time. */
export abstract class SqlMigration implements MigrationInterface {
  abstract readonly name: string;
  abstract readonly statements: readonly string[];

  async up(runner: QueryRunner): Promise<void> {
    try {
      for (const sql of this.statements) await runner.query(sql);
    } catch (error) {
      throw (error as { code?: unknown }).code === LOCK_TIMEOUT ? lockTimeout(this.name, error) : error;
    }
  }

  down(): Promise<void> {
    return Promise.reject(new Error(`${this.name} is forward-only: write a new migration that mends it`));
  }
}

export type MigrationClass = new () => SqlMigration;

function lockTimeout(name: string, cause: unknown): Failure {
  return new Failure({
    ...{ error_class: 'CONFLICT', code: 'migration_lock_timeout', retryable: true, cause },
    message:
      `${name} has waited for the lock of a table for as long as ASSAY_POSTGRES_MIGRATION_LOCK_TIMEOUT_MS says, and gave ` +
      'up: the service would have waited behind it. Nothing of it is applied; run the command again.',
  });
}

/**
 * Applies what is pending and returns the names of what it applied. TypeORM's own runner races with itself, so an
 * advisory lock (keyed by the schema) lets one command at a time through; the others then find nothing to do.
 *
 * Under limits of its own, on a session of its own: a statement may take as long as it takes, and so may the wait for
 * another command; the wait for a table's lock may not, for the service waits behind it. Rejects with a `Failure`
 * `migration_lock_timeout` then.
 */
export async function runMigrations(
  database: Database,
  schema: string,
  { lock_timeout_ms }: { lock_timeout_ms: number },
): Promise<string[]> {
  const runner = database.dataSource.createQueryRunner();
  await runner.connect();
  const limits = `SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock`;
  const [service] = (await runner.query(limits)) as [{ statement: string; lock: string }];
  try {
    await runner.query('SET statement_timeout = 0; SET lock_timeout = 0');
    await runner.query(`SELECT pg_advisory_lock(hashtextextended('assay.migrations.' || $1, 0))`, [schema]);
    await runner.query(`SELECT set_config('lock_timeout', $1, false)`, [`${lock_timeout_ms}ms`]);
    const executor = new MigrationExecutor(database.dataSource, runner);
    executor.transaction = 'each';
    const applied = await executor.executePendingMigrations();
    return applied.map((migration) => migration.name);
  } finally {
    const again = `SELECT pg_advisory_unlock_all(), set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false)`;
    await runner.query(again, [service.statement, service.lock]).catch(() => undefined);
    await runner.release();
  }
}
