import type pg from 'pg';

/**
 * What the judge of a contended queue reads: written by triggers, whoever writes an item, and by the handler in the
 * transaction of its effect. A worker names itself as its connection's application.
 */
export const LEDGER_SQL: readonly string[] = [
  `CREATE TABLE inserted (item_id uuid PRIMARY KEY)`,
  // An effect, done or dead: `owned` says whether the item was at that moment its writer's.
  `CREATE TABLE endings (item_id uuid NOT NULL, lease_token uuid NOT NULL, kind text NOT NULL, owned boolean)`,
  // Work that came to its end; `stale` when its lease was another's by then, so that it had to be turned away.
  `CREATE TABLE finished (item_id uuid NOT NULL, lease_token uuid NOT NULL, stale boolean NOT NULL)`,
  // From when to when an item was held for work, by which token: each claim, each renewal, each end.
  `CREATE TABLE holdings (item_id uuid NOT NULL, lease_token uuid NOT NULL, held boolean NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(), until timestamptz)`,
  // A running item that another than its owner wrote to, unless to take it back once its lease had ended.
  `CREATE TABLE intrusions (item_id uuid NOT NULL, owner text NOT NULL, writer text NOT NULL)`,
  `CREATE TABLE arrivals (worker text NOT NULL)`,
  `CREATE FUNCTION note_item() RETURNS trigger LANGUAGE plpgsql AS $$
  DECLARE
    writer text := current_setting('application_name');
  BEGIN
    IF TG_OP = 'INSERT' THEN
      INSERT INTO inserted VALUES (NEW.id);
    ELSIF OLD.state = 'running' THEN
      IF OLD.claimed_by <> writer
        AND NOT (TG_OP = 'UPDATE' AND NEW.state = 'queued' AND OLD.lease_expires_at < clock_timestamp()) THEN
        INSERT INTO intrusions VALUES (OLD.id, OLD.claimed_by, writer);
      END IF;
      IF OLD.phase = 'work'
        AND (TG_OP = 'DELETE' OR NEW.phase <> 'work' OR NEW.lease_token IS DISTINCT FROM OLD.lease_token) THEN
        INSERT INTO holdings (item_id, lease_token, held) VALUES (OLD.id, OLD.lease_token, false);
      END IF;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.state = 'running' AND NEW.phase = 'work' THEN
      INSERT INTO holdings (item_id, lease_token, held, until) VALUES (NEW.id, NEW.lease_token, true, NEW.lease_expires_at);
    END IF;
    RETURN NULL;
  END $$`,
  `CREATE TRIGGER note_item AFTER INSERT OR UPDATE OR DELETE ON work_items FOR EACH ROW EXECUTE FUNCTION note_item()`,
  `CREATE FUNCTION note_ending() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.owned := EXISTS (SELECT FROM work_items WHERE id = NEW.item_id AND lease_token = NEW.lease_token
      AND state = 'running' AND phase = 'work' AND claimed_by = current_setting('application_name'));
    RETURN NEW;
  END $$`,
  `CREATE TRIGGER note_ending BEFORE INSERT ON endings FOR EACH ROW EXECUTE FUNCTION note_ending()`,
];

/** What must be empty, and what shows that it was put to the test. */
export interface Verdict {
  inserted: number;
  done: number;
  /** Ended as dead letters: three processes died, or lost their leases, while they held the item. */
  dead: number;
  /** Items with more than one ending. */
  twice: string[];
  /** Items without an ending. */
  lost: string[];
  /** Endings that were stored under a lease that was another's by then. */
  stale_endings: string[];
  /** Running items that somebody wrote to who did not own them. */
  intrusions: string[];
  /** Stale workers that came to the end of their work. */
  turned_away: number;
  /** Leases that ended before the work did. */
  expired: number;
  /** Unexpired items at work at one instant, at most. */
  most_at_once: number;
}

const JUDGED = {
  counts: `SELECT (SELECT count(*)::int FROM inserted) AS inserted,
    (SELECT count(*)::int FROM endings WHERE kind = 'done') AS done,
    (SELECT count(*)::int FROM endings WHERE kind = 'dead') AS dead,
    (SELECT count(*)::int FROM finished WHERE stale) AS turned_away,
    (SELECT count(*)::int FROM (SELECT FROM holdings GROUP BY item_id, lease_token
      HAVING max(at) FILTER (WHERE NOT held) > max(until)) AS ended_late) AS expired`,
  twice: `SELECT item_id FROM endings GROUP BY item_id HAVING count(*) > 1`,
  lost: `SELECT item_id FROM inserted WHERE item_id NOT IN (SELECT item_id FROM endings)`,
  stale_endings: `SELECT item_id FROM endings WHERE NOT owned`,
  intrusions: `SELECT item_id FROM intrusions`,
  // An end before a beginning of the same instant: a place is free from the moment at which it is given back.
  most_at_once: `WITH spans AS (
      SELECT held, at, least(lead(at) OVER (PARTITION BY item_id, lease_token ORDER BY at), until) AS ended FROM holdings
    ), edges AS (
      SELECT at, 1 AS change FROM spans WHERE held AND ended > at
      UNION ALL SELECT ended, -1 FROM spans WHERE held AND ended > at
    )
    SELECT coalesce(max(active), 0)::int AS most_at_once
    FROM (SELECT sum(change) OVER (ORDER BY at, change) AS active FROM edges) AS course`,
};

export async function readVerdict(client: pg.Client): Promise<Verdict> {
  const items = async (sql: string) =>
    (await client.query<{ item_id: string }>(sql)).rows.map(({ item_id }) => item_id);
  const counts = await client.query<Pick<Verdict, 'inserted' | 'done' | 'dead' | 'turned_away' | 'expired'>>(
    JUDGED.counts,
  );
  const most = await client.query<{ most_at_once: number }>(JUDGED.most_at_once);
  return {
    ...counts.rows[0]!,
    ...most.rows[0]!,
    twice: await items(JUDGED.twice),
    lost: await items(JUDGED.lost),
    stale_endings: await items(JUDGED.stale_endings),
    intrusions: await items(JUDGED.intrusions),
  };
}
