/**
 * The queue's tables, applied by each service's own migrations. Forward-only: a later change is a further list.
 *
 * - Rows live from the acceptance of work until Kafka has acknowledged what tells of it, then they are deleted:
 *   results and history stand in their own tables (WQ-1).
 * - Items born claimed never enter the four `queued` indexes, so the usual way leaves no dead entries for a claim to
 *   step over.
 * - Items with a lane are found through indexes of their own (WQ-9), so that those without cost what they did. `overdue_at`:
 *   from then on the item goes past its lane's circuit.
 * - Items with a lane have no payload to work on: their handler loads it once there is room for it (WQ-11).
 * - `work_lanes` says which lanes have something queued, and when the first of it is due at the earliest: a row is a mark, a
 *   lane may have several, and none is ever changed (`sql/lanes.ts` says why).
 * - Payloads are kept out of line and uncompressed: pglz costs more time than the disk it saves.
 */
export const WORK_QUEUE_MIGRATION_SQL: readonly string[] = [
  `CREATE TABLE work_items (
    id uuid PRIMARY KEY,
    queue text NOT NULL,
    lane text,
    source text,
    subject_id text NOT NULL,
    generation integer NOT NULL CHECK (generation >= 0),
    state text NOT NULL CHECK (state IN ('queued', 'running')),
    phase text NOT NULL CHECK (phase IN ('work', 'publish')),
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
    due_at timestamptz NOT NULL,
    overdue_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    first_failure_at timestamptz,
    claimed_by text,
    lease_token uuid,
    lease_expires_at timestamptz,
    expired_token uuid,
    correlation_id text NOT NULL,
    traceparent text,
    payload bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    slot smallint,
    CONSTRAINT work_items_turn CHECK (lane IS NULL OR source IS NOT NULL),
    CONSTRAINT work_items_body CHECK (lane IS NULL OR phase = 'publish' OR payload IS NULL),
    CONSTRAINT work_items_lease CHECK (
      (state = 'running') = (claimed_by IS NOT NULL AND lease_token IS NOT NULL AND lease_expires_at IS NOT NULL)
    )
  )`,
  `ALTER TABLE work_items ALTER COLUMN payload SET STORAGE EXTERNAL`,
  // A payload that fits a page stays in its row: out of line it is four more rows and their index entries.
  `ALTER TABLE work_items SET (toast_tuple_target = 8160)`,
  // Dead rows slow a claim far more than a vacuum costs: clean by count, not by share of the table.
  `ALTER TABLE work_items SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
  )`,
  // The table empties whenever the queue does: a vacuum would give its pages back under a lock that stops every
  // statement, and the next burst would take them from the disk again.
  `ALTER TABLE work_items SET (vacuum_truncate = off, toast.vacuum_truncate = off)`,
  `CREATE INDEX work_items_due ON work_items (queue, priority, due_at, id)
    WHERE state = 'queued' AND phase = 'work' AND crashes = 0 AND lane IS NULL`,
  `CREATE INDEX work_items_in_lane ON work_items (queue, lane, source, priority, due_at, id)
    WHERE state = 'queued' AND phase = 'work' AND crashes = 0 AND lane IS NOT NULL`,
  `CREATE INDEX work_items_overdue ON work_items (queue, lane, overdue_at, id)
    WHERE state = 'queued' AND phase = 'work' AND crashes = 0 AND lane IS NOT NULL AND overdue_at IS NOT NULL`,
  `CREATE INDEX work_items_suspect ON work_items (queue, due_at, id)
    WHERE state = 'queued' AND phase = 'work' AND crashes > 0`,
  `CREATE INDEX work_items_unpublished ON work_items (coalesce(source, ''), priority, due_at, id)
    WHERE state = 'queued' AND phase = 'publish'`,
  // The oldest of each queue that Kafka has not taken. Written while Kafka is away, as the one above.
  `CREATE INDEX work_items_unpublished_of ON work_items (queue, due_at)
    WHERE state = 'queued' AND phase = 'publish'`,
  `CREATE INDEX work_items_leased ON work_items (lease_expires_at) WHERE state = 'running'`,
  // Of queues with `max_active` (WQ-5): who holds one is at work. No token: free.
  `CREATE TABLE work_slots (
    queue text NOT NULL,
    slot smallint NOT NULL,
    lease_token uuid,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (queue, slot)
  ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)`,
  // A slot follows its item under the item's token, whichever statement writes that: it is renewed with the lease and
  // given back when the item leaves work. A lease that had ended, and whose slot is another's by now, is not renewed: the
  // row is not written, and so comes back as lost. A trigger, because each of nine statements would have to do it, those
  // to come, too; items without a slot do not reach it.
  `CREATE FUNCTION keep_slot() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF TG_OP = 'UPDATE' AND NEW.lease_token = OLD.lease_token AND NEW.phase = 'work' THEN
      UPDATE work_slots SET expires_at = NEW.lease_expires_at
        WHERE queue = OLD.queue AND slot = OLD.slot AND lease_token = OLD.lease_token;
      RETURN CASE WHEN FOUND THEN NEW END;
    END IF;
    UPDATE work_slots SET lease_token = NULL, expires_at = '-infinity'
      WHERE queue = OLD.queue AND slot = OLD.slot AND lease_token = OLD.lease_token;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    NEW.slot := NULL;
    RETURN NEW;
  END $$`,
  `CREATE TRIGGER keep_slot BEFORE UPDATE OR DELETE ON work_items
    FOR EACH ROW WHEN (OLD.slot IS NOT NULL) EXECUTE FUNCTION keep_slot()`,

  `CREATE TABLE work_lanes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    lane text NOT NULL,
    due_at timestamptz NOT NULL
  )`,
  `ALTER TABLE work_lanes SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000
  )`,
  `CREATE INDEX work_lanes_of ON work_lanes (queue, lane, due_at)`,
  // By an expression, so that a lane's own marks have one way: a plan that is made while the table is empty would else look
  // for them among all that are due.
  `CREATE INDEX work_lanes_due ON work_lanes (queue, (due_at AT TIME ZONE 'UTC'))`,
];
