import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '@assay/contracts';
import type pg from 'pg';
import { CheckedOut } from './checked-out.js';
import { timedOut } from './classify.js';
import { ListeningTimer } from './listening-timer.js';

/** Until one of the connections comes free. */
const TURN_TIMEOUT_MS = 5_000;
/** A password stands in its file a moment after it holds at the server, and the file is looked at every 2 s (SEC-5). */
const ROTATION_MS = 3_000;
const SIGN_IN_AGAIN_MS = 250;

/**
 * Turns at a pool's connections, first come first served. They stand in front of the pool's own line, which knows the
 * clock's time alone and which nobody can leave: in an outage it would grow with each caller who has given up.
 */
export class ConnectionTurns {
  readonly #waiting = new Set<() => void>();
  #free: number;
  #has_signed_in = false;

  /** @param size as many as the pool has connections */
  constructor(
    private readonly pool: () => pg.Pool,
    size: number,
  ) {
    this.#free = size;
  }

  /**
   * A connection, for one user.
   *
   * @param deadline_ms by the monotonic clock; null: the limits of a turn and of a new connection are enough
   */
  async checkOut(deadline_ms: number | null): Promise<CheckedOut> {
    await this.#begin(Math.min(TURN_TIMEOUT_MS, leftMs(deadline_ms)));
    const connecting = this.#connect().then(
      (client) => new CheckedOut(client, () => this.#end()),
      (error: unknown) => {
        this.#end();
        throw error;
      },
    );
    return deadline_ms === null ? connecting : inTime(connecting, leftMs(deadline_ms));
  }

  /** Who has signed in before and is refused waits for a rotated password, or for one of those that stand. */
  async #connect(): Promise<pg.PoolClient> {
    const give_up_at_ms = performance.now() + ROTATION_MS;
    for (;;) {
      try {
        const client = await this.pool().connect();
        this.#has_signed_in = true;
        return client;
      } catch (error) {
        if (!this.#has_signed_in || !isRefusedSignIn(error) || performance.now() >= give_up_at_ms) throw error;
        await pause(SIGN_IN_AGAIN_MS);
      }
    }
  }

  async #begin(limit_ms: number): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const limit = new ListeningTimer(limit_ms, () => {
        this.#waiting.delete(go);
        reject(busy(limit_ms));
      });
      const go = (): void => {
        limit.end();
        resolve();
      };
      this.#waiting.add(go);
    });
  }

  #end(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** Class 28: the password, or the role, is not let in. */
function isRefusedSignIn(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('28');
}

/** What is left until then; at least 1, so that a step that comes too late fails as any late one does. */
export function leftMs(deadline_ms: number | null): number {
  return deadline_ms === null ? Number.POSITIVE_INFINITY : Math.max(1, deadline_ms - performance.now());
}

/** A connection in time; one that comes later goes back unused. */
async function inTime(connecting: Promise<CheckedOut>, limit_ms: number): Promise<CheckedOut> {
  let limit: ListeningTimer | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    limit = new ListeningTimer(limit_ms, () => {
      connecting.then(
        (connection) => connection.giveBack(),
        () => undefined,
      );
      reject(timedOut(limit_ms));
    });
  });
  return Promise.race([connecting, late]).finally(() => limit?.end());
}

/** Nothing was asked of the server: all of this process's own connections are at work. */
function busy(limit_ms: number): Failure {
  return new Failure({
    error_class: 'DEPENDENCY_UNAVAILABLE',
    code: 'postgres_busy',
    retryable: true,
    message: `no connection to Postgres came free within ${Math.round(limit_ms)} ms`,
  });
}
