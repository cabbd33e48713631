import { Failure } from '@assay/contracts';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import type { MixedList } from 'typeorm';
import type { SecretSource } from '@assay/security';
import { classifyPostgresError, isConflict, readOnly, spoilsConnection } from './classify.js';
import type { CheckedOut } from './checked-out.js';
import { ConnectionTurns, leftMs } from './connection-turns.js';
import { Connections } from './connections.js';
import { mayWrite, OpenTransaction } from './open-transaction.js';
import { assertSessionMode } from './pooler.js';
import { run } from './run-statement.js';
import type { Statement } from './statement.js';
import { sessionSettings, setOnRole } from './session-settings.js';
import { WriteHealth } from './write-health.js';

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

/** What runs in a transaction. */
export type Work<T> = (tx: Tx) => T | Promise<T>;

export interface DatabaseOptions {
  /** As libpq means it ({@link readConnectionUrl}); read again for each new connection, so a rotated password is used. */
  url: SecretSource;
  /** The service's own schema; the search path names no other. */
  schema: string;
  pool_size: number;
  /** The server cancels a statement after this; the client gives the connection up a second later (GEN-10). */
  statement_timeout_ms: number;
  /** Writes that fail for longer make the replica unready. Default 10 s (GEN-10). */
  unready_after_ms?: number;
  application_name: string;
  migrations?: MixedList<new () => unknown>;
}

/** Attempts of a transaction that loses a conflict (GEN-7). */
const MAX_CONFLICT_ATTEMPTS = 4;
/** What the server's own time-out has to end a statement and say so, before the client takes it for silent. */
const ANSWER_GRACE_MS = 1_000;
const READ_ONLY = 'postgres_25006';
const UNREADY_AFTER_MS = 10_000;
const LOOK_LIMIT_MS = 1_500;
/** On for a standby, too. */
const LOOK = `SELECT current_setting('transaction_read_only') AS read_only`;

/** One service's connection pool, under its own role and schema (SEC-7). */
export class Database implements Tx {
  readonly dataSource: DataSource;
  readonly #connections: Connections;
  readonly #health: WriteHealth;
  readonly #limit_ms: number;
  readonly #turns: ConnectionTurns;

  constructor(private readonly options: DatabaseOptions) {
    this.#connections = new Connections(options.url, sessionSettings(options));
    this.dataSource = new DataSource(dataSourceOptions(options, this.#connections));
    this.#limit_ms = options.statement_timeout_ms + ANSWER_GRACE_MS;
    this.#turns = new ConnectionTurns(() => this.#pool, options.pool_size);
    this.#health = new WriteHealth(options.unready_after_ms ?? UNREADY_AFTER_MS);
  }

  /**
   * Opens the pool; rejects with a retryable `Failure` while Postgres is away, and with one that no waiting mends where a
   * pooler is in transaction mode (OPS-6).
   */
  async open(): Promise<this> {
    if (this.dataSource.isInitialized) return this;
    try {
      await this.dataSource.initialize();
      if (this.#connections.pooled) await assertSessionMode(this.#pool);
      this.#connections.follow(this.#pool);
    } catch (error) {
      await this.close();
      throw classifyPostgresError(error);
    }
    return this;
  }

  async close(): Promise<void> {
    this.#connections.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }

  /** Sets on the role what its sessions need, so that they begin with it (OPS-6); `migrate` does, before all else. */
  async setSessionOnRole(): Promise<void> {
    await this.execute(setOnRole(sessionSettings(this.options)));
  }

  async query<R extends object>(sql: Statement | string, params: readonly unknown[] = []): Promise<R[]> {
    return (await this.#run<R>(sql, params)).rows;
  }

  async execute(sql: Statement | string, params: readonly unknown[] = []): Promise<number> {
    return (await this.#run(sql, params)).rowCount ?? 0;
  }

  /** Outside a transaction every statement is committed when it is answered. */
  afterCommit(act: () => void): void {
    act();
  }

  /**
   * Rejects once this process's writes have been failing for `unready_after_ms` (GEN-10); until then the failures of
   * single requests say enough. Looks at the server itself, for a replica may have nothing to write.
   */
  async assertWritable(): Promise<void> {
    try {
      const look = (tx: Tx) => tx.query<{ read_only: string }>(LOOK);
      const [row] = await this.transaction(look, { within_ms: LOOK_LIMIT_MS });
      if (row!.read_only === 'on') this.#failed(readOnly());
      else this.#health.looksWell();
    } catch (error) {
      this.#failed(error);
    }
    const { complaint } = this.#health;
    if (complaint) throw complaint;
  }

  /** For how long this process's writes have been succeeding since they last failed; without end if they never did. */
  get writableForMs(): number {
    return this.#health.succeedingForMs;
  }

  /** The database's clock, the only one that leases, due times and retention are judged by (GEN-4). */
  async now(): Promise<string> {
    const [row] = await this.query<{ now: string }>('SELECT clock_timestamp() AS now');
    return row!.now;
  }

  /**
   * Runs `work` in one transaction at READ COMMITTED; docs/isolation.md says what each relies on instead. A conflict
   * runs it again from the start, so `work` must not have effects outside the transaction; the fourth is thrown.
   *
   * A failure of class `DEPENDENCY_UNAVAILABLE` or `DEPENDENCY_TIMEOUT` leaves it open whether what was written is
   * committed: the answer to COMMIT may be what was lost.
   *
   * @param options.within_ms from here to the answer, by the time in which this process listened; without it each
   *   statement has its own limit
   */
  async transaction<T>(work: Work<T>, options: { within_ms?: number } = {}): Promise<T> {
    const deadline_ms = options.within_ms === undefined ? null : performance.now() + options.within_ms;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(work, { deadline_ms });
      } catch (error) {
        const repeatable = error instanceof Failure && isConflict(error);
        if (!repeatable || attempt === MAX_CONFLICT_ATTEMPTS) throw error;
      }
    }
  }

  /** Reads that must agree with each other, a state and its history: all that `work` reads is of one moment. */
  snapshot<T>(work: Work<T>): Promise<T> {
    return this.#once(work, { deadline_ms: null, snapshot: true });
  }

  async #once<T>(
    work: Work<T>,
    { deadline_ms, snapshot = false }: { deadline_ms: number | null; snapshot?: boolean },
  ): Promise<T> {
    const connection = await this.#checkOut(deadline_ms);
    const { client } = connection;
    const in_all = deadline_ms !== null;
    const limit_ms = in_all ? leftMs(deadline_ms) : this.#limit_ms;
    const transaction = new OpenTransaction(client, limit_ms, in_all, snapshot);
    try {
      const result = await work(transaction);
      await transaction.commit();
      if (transaction.wrote) this.#health.succeeded();
      return result;
    } catch (error) {
      const first: unknown = transaction.firstFailure ?? error;
      if (transaction.wrote) this.#failed(first);
      if (first instanceof Failure && spoilsConnection(first)) connection.broken = first;
      // A connection on which ROLLBACK fails is of no further use: the pool must not hand it out again.
      else await run(client, 'ROLLBACK', [], this.#limit_ms).catch((failed: Error) => (connection.broken = failed));
      throw first;
    } finally {
      transaction.end();
      connection.giveBack();
    }
  }

  async #checkOut(deadline_ms: number | null): Promise<CheckedOut> {
    try {
      return await this.#turns.checkOut(deadline_ms);
    } catch (error) {
      const failure = classifyPostgresError(error);
      this.#failed(failure);
      throw failure;
    }
  }

  async #run<R extends object>(sql: Statement | string, params: readonly unknown[]): Promise<pg.QueryResult<R>> {
    const writes = mayWrite(sql);
    const connection = await this.#checkOut(null);
    try {
      const result = await run<R>(connection.client, sql, params, this.#limit_ms);
      if (writes) this.#health.succeeded();
      return result;
    } catch (error) {
      if (writes) this.#failed(error);
      if (error instanceof Failure && spoilsConnection(error)) connection.broken = error;
      throw error;
    } finally {
      connection.giveBack();
    }
  }

  /** A server that takes no writes, or is gone, may have a successor. */
  #failed(error: unknown): void {
    this.#health.failed(error);
    if (!(error instanceof Failure) || !spoilsConnection(error)) return;
    if (error.code === READ_ONLY) this.#connections.leaveReadOnly();
    else this.#connections.doubt();
  }

  get #pool(): pg.Pool {
    return (this.dataSource.driver as unknown as { master: pg.Pool }).master;
  }
}

function dataSourceOptions(
  options: DatabaseOptions,
  connections: Connections,
): ConstructorParameters<typeof DataSource>[0] {
  return {
    type: 'postgres',
    schema: options.schema,
    poolSize: options.pool_size,
    applicationName: options.application_name,
    installExtensions: false,
    migrations: options.migrations as never,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    extra: connections.poolOptions(),
    // The pool replaces an idle connection that ends by itself; the next statement's failure is what counts.
    poolErrorHandler: () => undefined,
  };
}
