import pg from 'pg';
import type { ConnectionTarget, ServerAddress } from './connection-url.js';
import { readTlsFiles } from './tls.js';

/** For one server to say what it is; all are asked at once, so that a silent one holds up the others only so long. */
const PROBE_LIMIT_MS = 2_000;

interface Answer {
  in_recovery: boolean;
  read_only: 'on' | 'off';
}

/** Whether a server, or a session on it, is what the URL asks for. */
export function suits({ attributes }: ConnectionTarget, { in_recovery, read_only }: Answer): boolean {
  if (attributes === 'read-write') return !in_recovery && read_only === 'off';
  return attributes === 'any' || !in_recovery;
}

/**
 * Which of several servers to connect to (`target_session_attrs`). What was found holds for all connections until one of
 * them says otherwise; those that are made meanwhile share one search.
 */
export class ServerSearch {
  #found: Promise<ServerAddress> | null = null;

  /** The first in the URL's order that suits. Rejects with what the first that does not said. */
  find(target: ConnectionTarget): Promise<ServerAddress> {
    const [only] = target.servers;
    if (target.servers.length === 1) return Promise.resolve(only!);
    if (this.#found) return this.#found;
    const finding = search(target);
    this.#found = finding;
    finding.catch(() => this.forget(finding));
    return finding;
  }

  /** Search anew at the next connection; with `found` only while that is what holds. */
  forget(found: Promise<ServerAddress> | null = this.#found): void {
    if (this.#found === found) this.#found = null;
  }
}

async function search(target: ConnectionTarget): Promise<ServerAddress> {
  const answers = target.servers.map((server) => ask(target, server));
  // Each is awaited in its turn: until then a failure is nobody's.
  for (const answer of answers) answer.catch(() => undefined);
  let first_failure: unknown;
  for (const [place, answer] of answers.entries()) {
    try {
      if (suits(target, await answer)) return target.servers[place]!;
      first_failure ??= unsuitable(target);
    } catch (error) {
      first_failure ??= error;
    }
  }
  throw first_failure;
}

/** 25006: a server that takes no writes, by the code that it would answer one with. */
export function unsuitable({ attributes }: ConnectionTarget): Error {
  const error = new Error(`no server is ${attributes}: those that answered are standbys, or take no writes`);
  return Object.assign(error, { code: '25006' });
}

async function ask(target: ConnectionTarget, { host, port }: ServerAddress): Promise<Answer> {
  const { user, password, database, tls } = target;
  const client = new pg.Client({
    ...{ host, port, user, database, ssl: readTlsFiles(tls), application_name: 'assay-search' },
    password: () => password,
    connectionTimeoutMillis: PROBE_LIMIT_MS,
    query_timeout: PROBE_LIMIT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Answer>(
      `SELECT pg_is_in_recovery() AS in_recovery, current_setting('transaction_read_only') AS read_only`,
    );
    return rows[0]!;
  } finally {
    void client.end().catch(() => undefined);
  }
}
