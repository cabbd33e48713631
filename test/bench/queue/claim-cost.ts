import type pg from 'pg';
import { ItemRepository } from '@assay/work-queue';
import { fillOurs, openDatabase } from './contenders.js';

const CLAIMS = 31;
const CLAIMED = 100;

/** Median ms of a claim of 100 from a backlog that is spread over all ten priorities, which is its worst case. */
export async function claimCostMs(client: pg.Client, url: string, rows: number): Promise<number> {
  await client.query('TRUNCATE bench.work_items');
  await fillOurs(client, rows, 'n % 10');
  await client.query('VACUUM ANALYZE bench.work_items');
  const database = await openDatabase(url);
  const items = new ItemRepository('bench', 30_000, 30);
  const undone = new Error('undone');
  const taken_ms: number[] = [];
  try {
    for (let claim = 0; claim < CLAIMS; claim += 1) {
      const work = database.transaction(async (tx) => {
        await tx.query('SELECT 1 AS begun');
        const begun_at_ms = performance.now();
        await items.claimDue(tx, 'bench', CLAIMED);
        taken_ms.push(performance.now() - begun_at_ms);
        // What is claimed is put back, or the last of a thousand rows would be gone after ten claims.
        throw undone;
      });
      await work.catch((error: unknown) => {
        if (error !== undone) throw error;
      });
    }
  } finally {
    await database.close();
  }
  return taken_ms.sort((a, b) => a - b)[Math.floor(CLAIMS / 2)]!;
}
