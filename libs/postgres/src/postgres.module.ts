import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationBootstrap, OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '@assay/contracts';
import { createLog } from '@assay/observability';
import type { SecretSource } from '@assay/security';
import { ClockSkew, Readiness } from '@assay/service';
import { Database } from './database.js';
import type { MigrationClass } from './migrations.js';

const log = createLog('postgres', ['waiting_for_postgres']);

export interface PostgresModuleOptions {
  /** The service's schema, which is also its role's name. */
  schema: string;
  settings: {
    postgres_url: SecretSource;
    postgres_pool_size: number;
    postgres_statement_timeout_ms: number;
    postgres_unready_after_ms?: number;
  };
  migrations?: readonly MigrationClass[];
  application_name?: string;
}

export function databaseFrom(options: PostgresModuleOptions): Database {
  return new Database({
    url: options.settings.postgres_url,
    schema: options.schema,
    pool_size: options.settings.postgres_pool_size,
    statement_timeout_ms: options.settings.postgres_statement_timeout_ms,
    unready_after_ms: options.settings.postgres_unready_after_ms,
    application_name: options.application_name ?? `assay-${options.schema}`,
    migrations: options.migrations ? [...options.migrations] : [],
  });
}

/** Waits for Postgres as long as it takes: a service that starts during an outage becomes ready when that ends. */
async function openWhenReachable(database: Database): Promise<Database> {
  for (let wait_ms = 100; ; wait_ms = Math.min(wait_ms * 2, 2_000)) {
    try {
      return await database.open();
    } catch (error) {
      if (!(error instanceof Failure) || !error.retryable) throw error;
      log.warn('waiting_for_postgres', { wait_ms, code: error.code, reason: error.message });
      await pause(wait_ms);
    }
  }
}

/** Provides the service's one {@link Database}, opened, checked by `/readyz` and closed last. */
@Module({})
export class PostgresModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  readonly #clock: ClockSkew;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Readiness) readiness: Readiness,
  ) {
    readiness.register('postgres', () => database.assertWritable());
    this.#clock = new ClockSkew({ now: () => database.now() });
  }

  static register(options: PostgresModuleOptions): DynamicModule {
    return {
      module: PostgresModule,
      global: true,
      providers: [{ provide: Database, useFactory: () => openWhenReachable(databaseFrom(options)) }],
      exports: [Database],
    };
  }

  /** How far this host's clock is off is told, never used (GEN-4). */
  onApplicationBootstrap(): void {
    this.#clock.start();
  }

  onModuleDestroy(): void {
    this.#clock.stop();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
