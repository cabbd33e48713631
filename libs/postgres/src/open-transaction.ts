import type pg from 'pg';
import { timedOut } from './classify.js';
import { ListeningTimer } from './listening-timer.js';
import { hangUp } from './patient-client.js';
import { run } from './run-statement.js';
import type { Tx } from './database.js';
import type { Statement } from './statement.js';

const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';
/** Every statement sees the moment of the first. */
const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY';
const READS = /^\s*SELECT\b/;

/** Whether a statement may write: were BEGIN refused, a read would do no harm on its own. */
export function mayWrite(sql: Statement | string): boolean {
  return !READS.test(typeof sql === 'string' ? sql : sql.text);
}

/**
 * One transaction under way. Statements go to the server as they are given, behind each other on one connection, so
 * those whose answers nobody waits for cost no round trip: BEGIN leaves with the first read, COMMIT with the last
 * writes.
 */
export class OpenTransaction implements Tx {
  /** Until BEGIN is answered; a write waits for it, for without a transaction it would stand alone. */
  #beginning: Promise<unknown> | undefined;
  /** A write waits for BEGIN: what comes behind it must not overtake it. */
  #held = false;
  readonly #unanswered = new Set<Promise<unknown>>();
  readonly #after: (() => void)[] = [];
  #first_failure: unknown;
  #wrote = false;
  #ended = false;
  readonly #timer: ListeningTimer;

  /**
   * One timer for all statements: each timer is an asynchronous context of its own, and a review has some 36 statements.
   *
   * @param limit_ms without an answer, while one is due, the connection is given up after this; with `in_all`, after this
   *   in any case
   * @param snapshot whether it only reads, and all of one moment
   */
  constructor(
    private readonly client: pg.PoolClient,
    private readonly limit_ms: number,
    private readonly in_all: boolean,
    snapshot: boolean,
  ) {
    this.#timer = new ListeningTimer(limit_ms, () => this.#timeUp());
    this.#beginning = this.#noted(run(client, snapshot ? BEGIN_SNAPSHOT : BEGIN, [], null)).then(
      () => (this.#beginning = undefined),
    );
    this.#beginning.catch(() => undefined);
  }

  /** Whether anything but a read was asked for. */
  get wrote(): boolean {
    return this.#wrote;
  }

  /** What went wrong first: behind it every statement says only that the transaction is aborted. */
  get firstFailure(): unknown {
    return this.#first_failure;
  }

  query<R extends object>(sql: Statement | string, params: readonly unknown[] = []): Promise<R[]> {
    return this.#noted(this.#run<R>(sql, params).then(({ rows }) => rows));
  }

  execute(sql: Statement | string, params: readonly unknown[] = []): Promise<number> {
    return this.#noted(this.#run(sql, params).then(({ rowCount }) => rowCount ?? 0));
  }

  /** After the commit, or when it was given up. */
  end(): void {
    this.#ended = true;
    this.#timer.end();
  }

  afterCommit(act: () => void): void {
    this.#after.push(act);
  }

  /** Rejects unless all that was written is committed: what the server answers to COMMIT is ROLLBACK after a failure. */
  async commit(): Promise<void> {
    await this.#beginning;
    const unanswered = [...this.#unanswered];
    const committed = this.#noted(run(this.client, 'COMMIT', [], null));
    await Promise.all(unanswered);
    if ((await committed).command !== 'COMMIT')
      throw this.#first_failure ?? new Error('the transaction was ended before its commit');
    for (const act of this.#after) act();
  }

  async #run<R extends object>(sql: Statement | string, params: readonly unknown[]): Promise<pg.QueryResult<R>> {
    const writes = mayWrite(sql);
    this.#wrote ||= writes;
    if (this.#beginning && (this.#held || writes)) {
      this.#held = true;
      await this.#beginning;
    }
    return run<R>(this.client, sql, params, null);
  }

  #noted<T>(answer: Promise<T>): Promise<T> {
    if (this.#unanswered.size === 0) this.#progressed();
    this.#unanswered.add(answer);
    answer.then(
      () => {
        this.#unanswered.delete(answer);
        this.#progressed();
      },
      (error: unknown) => {
        this.#first_failure ??= error;
        this.#unanswered.delete(answer);
      },
    );
    return answer;
  }

  #progressed(): void {
    if (!this.in_all && !this.#ended) this.#timer.refresh();
  }

  #timeUp(): void {
    // Nothing is asked at this moment: the time is the caller's own.
    if (!this.in_all && this.#unanswered.size === 0) return;
    this.#first_failure ??= timedOut(this.limit_ms);
    hangUp(this.client);
  }
}
