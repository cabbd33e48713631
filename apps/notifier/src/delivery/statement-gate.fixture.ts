import { eventually } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { Client } from 'pg';

const LOCK = 4_711;

/**
 * Stops every statement that moves a delivery to one state, on the server, before it takes effect: a worker can then be
 * killed or frozen exactly there.
 */
export class StatementGate {
  private constructor(
    private readonly client: Client,
    private readonly database: TestDatabase,
  ) {}

  static async close(database: TestDatabase, state: 'sending' | 'sent' | 'waived'): Promise<StatementGate> {
    await database.sql(`CREATE OR REPLACE FUNCTION notifier.gate() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_advisory_xact_lock(${LOCK}); RETURN NEW; END $$`);
    await database.sql(`CREATE TRIGGER gate BEFORE UPDATE ON notifier.deliveries FOR EACH ROW
      WHEN (NEW.state = '${state}') EXECUTE FUNCTION notifier.gate()`);
    const client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    return new StatementGate(client, database);
  }

  /** Resolves once a worker stands at the gate. */
  async reached(): Promise<void> {
    await eventually(
      async () => {
        if ((await this.#waiting()).length === 0) throw new Error('nobody stands at the gate');
      },
      { within_ms: 20_000 },
    );
  }

  /** The connections that stand at the gate end, and what they were about to do is undone: for a worker that was killed. */
  async turnAway(): Promise<void> {
    for (const { pid } of await this.#waiting()) await this.client.query('SELECT pg_terminate_backend($1)', [pid]);
    await this.open();
  }

  /** What stood at the gate takes effect, and nothing is stopped any more. */
  async open(): Promise<void> {
    await this.client.query('SELECT pg_advisory_unlock($1)', [LOCK]);
    await this.client.end();
    await this.database.sql('DROP TRIGGER gate ON notifier.deliveries');
  }

  async #waiting(): Promise<{ pid: number }[]> {
    const { rows } = await this.client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`,
    );
    return rows;
  }
}
