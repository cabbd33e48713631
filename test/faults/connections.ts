import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, type PostgresProxy, type TestSystem } from '@assay/testing';
import pg from 'pg';
import { schemaOf, type ServiceName } from '../../infra/local/service-names.js';
import type { ConnectionFault } from './schedule.js';

/** Postgres may be restarting, or have no connection left; it is back in seconds. */
const WITHIN_MS = 60_000;
const LIMIT_MS = 2_000;

/** With the oldest transaction, which is the likeliest to be in others' way; else the one that worked last. */
const A_BACKEND = `
  SELECT pid FROM pg_stat_activity WHERE usename = $1
  ORDER BY xact_start NULLS LAST, state_change DESC LIMIT 1`;

/**
 * Faults between the services and Postgres. Two that hit the same thing follow each other, for lifting the first would
 * lift the second; those of different services, a restart of Postgres and a server without writes may overlap.
 */
export class ConnectionFaults {
  readonly #turns = new Map<string, Promise<void>>();
  readonly #stopped = new Set<number>();
  #over = false;

  constructor(private readonly system: TestSystem) {}

  /** Resolves when it is lifted. */
  bringAbout(fault: ConnectionFault): Promise<void> {
    switch (fault.kind) {
      case 'commit_cut': {
        const { before, one_in } = fault;
        return this.#onTheWay(fault, (proxy) =>
          before ? proxy.cutBeforeCommit({ share: 1 / one_in }) : proxy.cutAfterCommit({ share: 1 / one_in }),
        );
      }
      case 'black_hole':
        return this.#onTheWay(fault, (proxy) => proxy.blackHole(fault.which));
      case 'slow_database':
        return this.#onTheWay(fault, (proxy) => proxy.delay(fault.delay_ms));
      case 'flapping':
        return this.#onTheWay(fault, (proxy) => proxy.flap(fault.period_ms));
      case 'read_only':
        return this.#inTurn('read_only', () => this.#refuseWrites(fault.lasts_ms));
      case 'stuck_backend':
        return this.#stopBackend(fault.service, fault.lasts_ms);
    }
  }

  /** What is under way ends, what waits for its turn never begins. */
  async liftAll(): Promise<void> {
    this.#over = true;
    for (const pid of this.#stopped) wake(pid);
    for (const proxy of Object.values(this.system.proxies ?? {})) proxy.lift();
    await this.#takeWrites();
  }

  /** Connections that ended at a COMMIT. */
  get cuts(): number {
    return Object.values(this.system.proxies ?? {}).reduce((sum, { cuts }) => sum + cuts, 0);
  }

  #inTurn(what: string, act: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(what) ?? Promise.resolve();
    const own = before.catch(() => undefined).then(() => (this.#over ? undefined : act()));
    this.#turns.set(what, own);
    return own;
  }

  #onTheWay(
    { lasts_ms, service }: { lasts_ms: number; service: ServiceName },
    begin: (proxy: PostgresProxy) => void,
  ): Promise<void> {
    const { proxies } = this.system;
    if (proxies === null) throw new Error('proxies are needed to come between a service and Postgres');
    return this.#inTurn(service, async () => {
      begin(proxies[service]);
      await lasting(lasts_ms);
      proxies[service].lift();
    });
  }

  async #refuseWrites(lasts_ms: number): Promise<void> {
    await this.#ask('ALTER SYSTEM SET default_transaction_read_only = on');
    await this.#ask('SELECT pg_reload_conf()');
    await lasting(lasts_ms);
    await this.#takeWrites();
  }

  /** The setting outlives a restart, so it is taken back however long Postgres takes to come up. */
  async #takeWrites(): Promise<void> {
    await this.#ask('ALTER SYSTEM RESET default_transaction_read_only');
    await this.#ask('SELECT pg_reload_conf()');
  }

  /**
   * Who wakes it is a process of its own: it does so whatever becomes of this one. A stopped backend would outlive even
   * its Postgres, which waits for it in vain when it is asked to end.
   */
  async #stopBackend(service: ServiceName, lasts_ms: number): Promise<void> {
    const [backend] = await this.#ask<{ pid: number }>(A_BACKEND, [`assay_${schemaOf(service)}`]);
    if (backend === undefined) return;
    const { pid } = backend;
    const script = 'kill -STOP "$1" && sleep "$2"; kill -CONT "$1"';
    const args = ['-c', script, 'wake', String(pid), String(lasts_ms / 1_000)];
    this.#stopped.add(pid);
    spawn('sh', args, { detached: true, stdio: 'ignore' }).unref();
    await lasting(lasts_ms);
    wake(pid);
    this.#stopped.delete(pid);
  }

  /** As superuser, straight to Postgres. */
  #ask<R extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
    const limits = { connectionTimeoutMillis: LIMIT_MS, query_timeout: LIMIT_MS };
    return eventually(
      async () => {
        const client = new pg.Client({ connectionString: this.system.address.postgres.admin_url, ...limits });
        client.on('error', () => undefined);
        try {
          await client.connect();
          return (await client.query<R>(text, values)).rows;
        } finally {
          await client.end().catch(() => undefined);
        }
      },
      { within_ms: WITHIN_MS },
    );
  }
}

function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It has ended, as in a crash of its server, and needs no waking; its number may be another's by now.
  }
}

/** A fault lasts for a time: that is what is tested, not something to wait for. */
export function lasting(ms: number): Promise<void> {
  return delay(ms);
}
