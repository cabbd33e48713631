import type pg from 'pg';
import type { PostgresSettings } from '../../infra/local/postgres.js';

/** As docs/deployment.md advises; no checkpoint for want of room comes while the bench runs. */
export const AGED_SETTINGS: PostgresSettings = {
  min_wal_size: '2GB',
  max_wal_size: '8GB',
  // Counts the segments that are made anew, and the syncs, in pg_stat_io.
  track_wal_io_timing: 'on',
};
/** 2 GB, and some that the ageing itself goes on in. */
const SEGMENTS = 136;

/**
 * Makes the write-ahead log that of a cluster of some age: each segment has been written once, so that the next ones
 * are old files under new names. A new cluster makes each file of 16 MB with zeros and a sync while all commits wait.
 */
export async function age(admin: pg.Client): Promise<void> {
  for (let n = 0; n < SEGMENTS; n += 1) {
    await admin.query(`SELECT pg_logical_emit_message(false, 'bench', 'a segment to write once'), pg_switch_wal()`);
  }
  await admin.query('CHECKPOINT');
  const { rows } = await admin.query<{ ready: number }>(
    `SELECT count(*)::integer AS ready FROM pg_ls_waldir() WHERE name > pg_walfile_name(pg_current_wal_lsn())`,
  );
  const ready = rows[0]?.ready ?? 0;
  if (ready < SEGMENTS - 16) throw new Error(`only ${ready} segments are ready: the write-ahead log has not aged`);
}

/** What an hour of running brings: statistics (plans are those of empty tables until then), and nothing left to write. */
export async function settleDown(admin: pg.Client): Promise<void> {
  await admin.query('ANALYZE');
  await admin.query('CHECKPOINT');
}

/** Segments of the write-ahead log that had to be made anew since the cluster began. */
export async function segmentsMade(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ made: number }>(
    `SELECT coalesce(sum(writes), 0)::integer AS made FROM pg_stat_io WHERE object = 'wal' AND context = 'init'`,
  );
  return rows[0]?.made ?? 0;
}

export async function walBytes(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ bytes: number }>(
    `SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS bytes`,
  );
  return rows[0]!.bytes;
}
