import pg from 'pg';
import { eventually, type TestSystem } from '@assay/testing';

/** Reviews that the deliveries of a backlog belong to. */
const PARENTS = 1_000;
const WAITS_WITHIN_MS = 30_000;

/**
 * Puts so many deliveries, with their items, behind a webhook endpoint at which some wait already: copies of one of those,
 * each of a changelist of its own. Submitting 100,000 would take the better part of an hour.
 */
export async function queueBehind(system: TestSystem, endpoint: string, rows: number): Promise<void> {
  const client = new pg.Client({ connectionString: system.address.postgres.urls.notifier });
  await client.connect();
  try {
    // The role's limit of a statement is for the service's own.
    await client.query('SET search_path = notifier; SET statement_timeout = 0');
    const item_id = await eventually(() => waitingItem(client, endpoint), { within_ms: WAITS_WITHIN_MS });
    await client.query(COPY, [item_id, rows]);
    await client.query('VACUUM ANALYZE reviews, deliveries, work_items, work_lanes');
  } finally {
    await client.end();
  }
}

async function waitingItem(client: pg.Client, endpoint: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM work_items WHERE lane = 'webhook:' || $1 AND state = 'queued' AND phase = 'work' LIMIT 1`,
    [endpoint],
  );
  if (rows[0] === undefined) throw new Error(`nothing waits for ${endpoint}`);
  return rows[0].id;
}

/** $1 the item of a delivery that waits, $2 how many copies */
const COPY = `WITH copied AS (
    SELECT d.* FROM work_items w JOIN deliveries d ON d.id = w.subject_id::uuid WHERE w.id = $1
  ), parents AS MATERIALIZED (
    SELECT place, gen_random_uuid() AS job_id FROM generate_series(0, ${PARENTS - 1}) AS places(place)
  ), copies AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, 'copy-' || copied.id || '-' || nth AS changelist_id, parents.job_id
    FROM generate_series(1, $2::int) AS numbers(nth) JOIN parents ON place = nth % ${PARENTS} CROSS JOIN copied
  ), new_reviews AS (
    INSERT INTO reviews (job_id, generation, source, changelist_id, review_version, priority, open, correlation_id, job_url,
      findings_url, validated)
    SELECT counted.job_id, 0, r.source, 'copy-' || counted.job_id, 1, r.priority, counted.open, r.correlation_id, r.job_url,
      r.findings_url, r.validated
    FROM copied JOIN reviews r USING (job_id, generation)
    CROSS JOIN (SELECT job_id, count(*) AS open FROM copies GROUP BY job_id) AS counted
  ), new_deliveries AS (
    INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, key, job_id, generation, state, born)
    SELECT copies.id, copied.source, copies.changelist_id, 1, copied.channel, copied.address,
      sha256(convert_to(copies.changelist_id, 'UTF8')), copies.job_id, 0, 'pending', 'pending'
    FROM copies CROSS JOIN copied
  ), new_items AS (
    INSERT INTO work_items (id, queue, lane, source, subject_id, generation, state, phase, priority, due_at, overdue_at,
      correlation_id)
    SELECT gen_random_uuid(), w.queue, w.lane, w.source, copies.id::text, 0, 'queued', 'work', w.priority, clock_timestamp(),
      clock_timestamp() + interval '1 day', w.correlation_id
    FROM copies CROSS JOIN work_items w WHERE w.id = $1
  )
  INSERT INTO work_lanes (queue, lane, due_at) SELECT queue, lane, clock_timestamp() FROM work_items WHERE id = $1`;
