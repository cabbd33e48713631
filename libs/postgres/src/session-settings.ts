import { Failure } from '@assay/contracts';

/**
 * A process that is frozen between two statements (SIGSTOP, a paused VM) keeps its locks: after this Postgres ends its
 * session, so that the other replicas go on before their own statements time out.
 */
const LONGEST_IDLE_IN_TRANSACTION_MS = 10_000;

/** A wait for a lock ends before the statement's time does, and says so (55P03): it is the holder that is slow. */
const LOCK_SHARE = 0.8;

/**
 * Each statement names its few rows and reaches them by an index, on a disk that does not mind the order. Plans of
 * prepared statements are kept, and a queue's table is almost empty when Postgres takes its statistics: it then plans to
 * read the whole table, and goes on to when that is full of dead rows. What has no index is read whole all the same.
 *
 * One plan for all values of the parameters: for a statement with arrays Postgres thinks that a plan for these very values
 * is cheaper, and makes one anew at each execution (2.4 ms for a claim from lanes).
 */
const BY_INDEX = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  random_page_cost: '1.1',
  plan_cache_mode: 'force_generic_plan',
};

/** Both sides look for the other after so long without a word. */
export const KEEP_ALIVE_AFTER_S = 10;

/**
 * A client that has gone without a word leaves its locks behind: the server looks for it while it waits for a statement
 * (keep-alive) and while it works on one (the check), and ends the session after some 25 s.
 */
const NOTICE_GONE_CLIENTS = {
  tcp_keepalives_idle: String(KEEP_ALIVE_AFTER_S),
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
  client_connection_check_interval: String(KEEP_ALIVE_AFTER_S * 1_000),
};

export interface SessionLimits {
  /** The service's own schema; the search path names no other. */
  schema: string;
  statement_timeout_ms: number;
}

/** Settings of Postgres by name, each in the setting's own unit (ms, but s for the keep-alive), as `pg_settings` gives it. */
export type SessionSettings = Readonly<Record<string, string>>;

/** What every session of a service relies on (OPS-6). */
export function sessionSettings({ schema, statement_timeout_ms }: SessionLimits): SessionSettings {
  return {
    search_path: schema,
    TimeZone: 'UTC',
    DateStyle: 'ISO, MDY',
    statement_timeout: String(statement_timeout_ms),
    lock_timeout: String(Math.ceil(statement_timeout_ms * LOCK_SHARE)),
    idle_in_transaction_session_timeout: String(Math.min(statement_timeout_ms, LONGEST_IDLE_IN_TRANSACTION_MS)),
    ...BY_INDEX,
    ...NOTICE_GONE_CLIENTS,
  };
}

/** What a new session tells of itself. */
export interface SessionReport {
  /** The server's process, which is another than the one that the connection was told of where a pooler lies between. */
  pid: number;
  in_recovery: boolean;
  read_only: 'on' | 'off';
  /** Settings that the session began without, and that it was given by this look. */
  lacked: string[];
}

/**
 * One look at a new session, which gives it what it lacks: one that a pooler began before `migrate` set the role, or of
 * a role that was made for a rotation. `set_config` in a look costs nothing where nothing is lacking.
 */
export const LOOK_AT_SESSION = `
  -- By itself, or the planner would set them all before it compares.
  WITH lacking AS MATERIALIZED (
    SELECT wanted.name, wanted.value FROM unnest($1::text[], $2::text[]) AS wanted(name, value)
    JOIN pg_settings AS own ON own.name = wanted.name
    WHERE own.setting <> wanted.value
  )
  SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS in_recovery,
    current_setting('transaction_read_only') AS read_only,
    ARRAY(SELECT name FROM lacking WHERE set_config(name, value, false) IS NOT NULL) AS lacked`;

/** A session has a keep-alive of its own only where TCP leads to the server: by a Unix socket it stays 0. */
const TCP_ALONE = /^tcp_/;

/**
 * Throws where settings that a session was given do not hold at the next look: a pooler that hands out its servers by
 * transaction has given them to another one.
 */
export function assertHolds(lacked: readonly string[]): void {
  const missing = lacked.filter((name) => !TCP_ALONE.test(name));
  if (missing.length === 0) return;
  throw new Failure({
    ...{ error_class: 'PROGRAMMING_ERROR', code: 'postgres_session_settings', retryable: false },
    message:
      `the session does not keep ${missing.join(', ')}: the pooler before Postgres must be in session mode ` +
      '(pool_mode = session), or ASSAY_POSTGRES_URL name Postgres itself',
  });
}

/**
 * Sets a session's settings on the role in the database: they hold for every session that begins after it, whatever lies
 * between. A role may set its own.
 */
export function setOnRole(settings: SessionSettings): string {
  const all = Object.entries(settings).map(([name, value]) => `('${name}', '${value.replaceAll("'", "''")}')`);
  return `
    DO $set$
    DECLARE setting record;
    BEGIN
      FOR setting IN SELECT * FROM (VALUES ${all.join(', ')}) AS wanted(name, value) LOOP
        EXECUTE format(
          'ALTER ROLE %I IN DATABASE %I SET %s = %s', current_user, current_database(), setting.name,
          -- A list is no literal: Postgres would take it for one name.
          CASE setting.name WHEN 'search_path' THEN quote_ident(setting.value) ELSE quote_literal(setting.value) END);
      END LOOP;
    END $set$`;
}
