import type { SecretSource } from '@assay/security';
import type pg from 'pg';
import { readConnectionUrl } from './connection-url.js';
import type { ConnectionTarget } from './connection-url.js';
import { GatheringSocket } from './gathering-socket.js';
import { hangUp, PatientClient } from './patient-client.js';
import { run } from './run-statement.js';
import { suits, ServerSearch, unsuitable } from './server-search.js';
import { assertHolds, KEEP_ALIVE_AFTER_S, LOOK_AT_SESSION } from './session-settings.js';
import type { SessionReport, SessionSettings } from './session-settings.js';
import { readTlsFiles } from './tls.js';
import { columnTypes } from './types.js';

/** For a new session to say what it is. */
const LOOK_LIMIT_MS = 5_000;
/** Connections that are younger were made since it was known that the others are of no use. */
const YOUNG_MS = 1_000;

/** Of the driver's client, beside what its types say. */
interface Inner {
  readonly processID: number;
  host: string;
  port: number;
}
const inner = (client: unknown): Inner => client as Inner;

/**
 * How connections are made, and replaced in order: by what the URL says at that moment (SEC-10), to the server that suits
 * it, with the settings that a session needs (OPS-6).
 */
export class Connections {
  readonly #search = new ServerSearch();
  readonly #opened_at_ms = new Map<pg.PoolClient, number>();
  readonly #outdated = new Set<pg.PoolClient>();
  #pool: pg.Pool | null = null;
  #stop_watching: () => void = () => undefined;
  /** Whether a pooler lies between, as the last connection has shown. */
  pooled = false;

  constructor(
    private readonly url: SecretSource,
    private readonly settings: SessionSettings,
  ) {}

  /** What the pool is to be made with. */
  poolOptions(): Record<string, unknown> {
    return {
      Client: clientOf(() => this.target(), this.#search),
      types: columnTypes,
      onConnect: (client: pg.PoolClient) => this.#look(client),
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_S * 1_000,
      pipeline: true,
      stream: () => new GatheringSocket(),
      // The pool would end them after 10 quiet seconds: the next burst would sign in, prepare and plan anew. The server
      // must have room for all of them in any case.
      idleTimeoutMillis: 0,
    };
  }

  /** Follows the pool's connections, and the URL: another role, host or certificate replaces those that stand. */
  follow(pool: pg.Pool): void {
    this.#pool = pool;
    pool.on('remove', (client) => {
      this.#opened_at_ms.delete(client as pg.PoolClient);
      this.#outdated.delete(client as pg.PoolClient);
    });
    let known = standing(this.target());
    this.#stop_watching = this.url.onChange(() => {
      const now = standing(this.target());
      if (now === known) return;
      known = now;
      this.#search.forget();
      this.#replace([...this.#opened_at_ms.keys()]);
    });
  }

  close(): void {
    this.#stop_watching();
    this.#pool = null;
  }

  target(): ConnectionTarget {
    return readConnectionUrl(this.url.current().reveal());
  }

  /** A server has said that it takes no writes: whoever is still on it looks for another. */
  leaveReadOnly(): void {
    this.#search.forget();
    const since_ms = performance.now() - YOUNG_MS;
    this.#replace([...this.#opened_at_ms].filter(([, at_ms]) => at_ms < since_ms).map(([client]) => client));
  }

  /** A connection has ended, or none could be made: the server that was found may be gone. */
  doubt(): void {
    this.#search.forget();
  }

  async #look(client: pg.PoolClient): Promise<void> {
    try {
      const names = Object.keys(this.settings);
      const values = [names, Object.values(this.settings)];
      const ask = async () => (await run<SessionReport>(client, LOOK_AT_SESSION, values, LOOK_LIMIT_MS)).rows[0]!;
      const report = await ask();
      this.pooled = report.pid !== inner(client).processID;
      const target = this.target();
      if (!suits(target, report)) throw unsuitable(target);
      if (report.lacked.length > 0) assertHolds((await ask()).lacked);
      this.#opened_at_ms.set(client, performance.now());
    } catch (error) {
      this.#search.forget();
      // The driver would wait for an answer that may never come before it says goodbye.
      hangUp(client);
      throw error;
    }
  }

  /** Each is closed when nobody has it in hand, and its place taken by a new one when that is needed. */
  #replace(clients: readonly pg.PoolClient[]): void {
    const pool = this.#pool;
    if (!pool || clients.length === 0) return;
    if (this.#outdated.size === 0) pool.on('release', this.#onRelease);
    for (const client of clients) this.#outdated.add(client);
    // What is idle now is handed out once, to be given back for good.
    for (let idle = pool.idleCount; idle > 0; idle -= 1) {
      pool.connect().then(
        (client) => client.release(),
        () => undefined,
      );
    }
  }

  readonly #onRelease = (error: unknown, client: pg.PoolClient): void => {
    // The pool drops a client that has begun to end, as it does one that has failed.
    if (this.#outdated.delete(client) && !error) void (client as unknown as pg.Client).end();
    if (this.#outdated.size === 0) this.#pool?.off('release', this.#onRelease);
  };
}

/** What a standing connection relies on; a password counts only when it signs in. */
function standing({ servers, user, database, tls, attributes }: ConnectionTarget): string {
  return JSON.stringify([servers, user, database, tls, attributes]);
}

/** A client that asks for its target when it is made, and for its server when it connects. */
function clientOf(target: () => ConnectionTarget, search: ServerSearch): typeof pg.Client {
  return class extends PatientClient {
    readonly #target: ConnectionTarget;

    constructor(options: pg.ClientConfig) {
      const now = target();
      const { user, password, database, tls } = now;
      const [{ host, port }] = now.servers as [{ host: string; port: number }];
      const ssl = readTlsFiles(tls);
      super({ ...options, ...{ host, port, user, database, ssl }, password: () => password });
      this.#target = now;
    }

    override connect(): Promise<this>;
    override connect(connected: (error: Error) => void): void;
    override connect(connected?: (error: Error) => void): Promise<this> | void {
      // Comes back with a callback.
      if (connected === undefined) return super.connect();
      const start = (done: (error?: Error) => void): void => super.connect(done);
      search.find(this.#target).then(({ host, port }) => {
        Object.assign(inner(this), { host, port });
        start((error) => {
          if (error) search.forget();
          connected(error as Error);
        });
      }, connected);
    }
  } as unknown as typeof pg.Client;
}
