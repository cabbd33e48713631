import { Failure } from '@assay/contracts';
import type pg from 'pg';
import { parse } from 'pg-connection-string';
import { DataSource } from 'typeorm';
import type { MixedList } from 'typeorm';
import type { SecretSource } from '@assay/security';
import { classifyPostgresError, isSerializationConflict } from './classify.js';
import { GatheringSocket } from './gathering-socket.js';
import { OpenTransaction } from './open-transaction.js';
import { run } from './run-statement.js';
import type { Statement } from './statement.js';
import { columnTypes } from './types.js';

/**
 * What a repository needs of a connection; a {@link Database} outside a transaction, a transaction inside one. There a
 * statement whose answer nobody needs may be left unawaited (`void tx.execute(…)`): statements run in the order in which
 * they are given, and the commit fails with the first that did.
 */
export interface Tx {
  /** Rows of a statement. Rejects with a classified `Failure`. */
  query<R extends object>(sql: Statement | string, params?: readonly unknown[]): Promise<R[]>;
  /** Number of rows that a statement changed. */
  execute(sql: Statement | string, params?: readonly unknown[]): Promise<number>;
  /**
   * Runs `act` once what was written is committed; never when it is not. For what counts or tells of the write: a
   * transaction that loses a conflict runs up to four times and would be counted as often (OBS-2). Must not throw.
   */
  afterCommit(act: () => void): void;
}

export interface DatabaseOptions {
  /** `postgres://role:password@host:port/database`; read again for each new connection, so a rotated password is used. */
  url: SecretSource;
  /** The service's own schema; the search path names no other. */
  schema: string;
  pool_size: number;
  statement_timeout_ms: number;
  application_name: string;
  migrations?: MixedList<new () => unknown>;
}

/** Attempts of a transaction that loses a deadlock or a serialization conflict. */
const MAX_CONFLICT_ATTEMPTS = 4;

/**
 * A process that is frozen between two statements (SIGSTOP, a paused VM) keeps its locks: after this Postgres ends its
 * session, so that the other replicas go on before their own statements time out.
 */
const LONGEST_IDLE_IN_TRANSACTION_MS = 10_000;

/**
 * Each statement names its few rows and reaches them by an index, on a disk that does not mind the order. Plans of
 * prepared statements are kept, and a queue's table is almost empty when Postgres takes its statistics: it then plans to
 * read the whole table, and goes on to when that is full of dead rows. What has no index is read whole all the same.
 */
const BY_INDEX = '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c random_page_cost=1.1';

/** One service's connection pool, under its own role and schema (SEC-7). */
export class Database implements Tx {
  readonly dataSource: DataSource;

  constructor(options: DatabaseOptions) {
    this.dataSource = new DataSource(dataSourceOptions(options));
  }

  /** Opens the pool; rejects with a retryable `Failure` while Postgres is away. */
  async open(): Promise<this> {
    if (this.dataSource.isInitialized) return this;
    try {
      await this.dataSource.initialize();
    } catch (error) {
      throw classifyPostgresError(error);
    }
    return this;
  }

  async close(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  async query<R extends object>(sql: Statement | string, params: readonly unknown[] = []): Promise<R[]> {
    return (await run<R>(this.#pool, sql, params)).rows;
  }

  async execute(sql: Statement | string, params: readonly unknown[] = []): Promise<number> {
    return (await run(this.#pool, sql, params)).rowCount ?? 0;
  }

  /** Outside a transaction every statement is committed when it is answered. */
  afterCommit(act: () => void): void {
    act();
  }

  /** Fails while Postgres cannot answer. */
  async ping(): Promise<void> {
    await this.query('SELECT 1');
  }

  /** The database's clock, the only one that leases, due times and retention are judged by (GEN-4). */
  async now(): Promise<string> {
    const [row] = await this.query<{ now: string }>('SELECT clock_timestamp() AS now');
    return row!.now;
  }

  /**
   * Runs `work` in one transaction at READ COMMITTED; docs/isolation.md says what each relies on instead. A deadlock or
   * serialization conflict runs it again from the start, so `work` must not have effects outside the transaction.
   */
  async transaction<T>(work: (tx: Tx) => T | Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(work);
      } catch (error) {
        const repeatable = error instanceof Failure && isSerializationConflict(error);
        if (!repeatable || attempt === MAX_CONFLICT_ATTEMPTS) throw error;
      }
    }
  }

  async #once<T>(work: (tx: Tx) => T | Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw classifyPostgresError(error);
    });
    let broken: Error | undefined;
    // A connection that ends while it is checked out also emits `error`; without a listener that ends the process.
    const onError = (error: Error) => (broken = error);
    client.on('error', onError);
    const transaction = new OpenTransaction(client);
    try {
      const result = await work(transaction);
      await transaction.commit();
      return result;
    } catch (error) {
      // A connection on which ROLLBACK fails is of no further use: the pool must not hand it out again.
      await client.query('ROLLBACK').catch((failed: Error) => (broken = failed));
      throw transaction.firstFailure ?? error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  get #pool(): pg.Pool {
    return (this.dataSource.driver as unknown as { master: pg.Pool }).master;
  }
}

function dataSourceOptions(options: DatabaseOptions): ConstructorParameters<typeof DataSource>[0] {
  const url = parse(options.url.current().reveal());
  return {
    type: 'postgres',
    host: url.host ?? 'localhost',
    port: Number(url.port ?? 5432),
    username: url.user,
    password: () => parse(options.url.current().reveal()).password ?? '',
    database: url.database ?? undefined,
    ssl: url.ssl as boolean | undefined,
    schema: options.schema,
    poolSize: options.pool_size,
    applicationName: options.application_name,
    installExtensions: false,
    migrations: options.migrations as never,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    extra: {
      types: columnTypes,
      statement_timeout: options.statement_timeout_ms,
      idle_in_transaction_session_timeout: Math.min(options.statement_timeout_ms, LONGEST_IDLE_IN_TRANSACTION_MS),
      options: `-c search_path=${options.schema} -c timezone=UTC -c datestyle=ISO ${BY_INDEX}`,
      keepAlive: true,
      pipeline: true,
      stream: () => new GatheringSocket(),
      connectionTimeoutMillis: 5_000,
    },
    // The pool replaces an idle connection that ends by itself; the next statement's failure is what counts.
    poolErrorHandler: () => undefined,
  };
}
