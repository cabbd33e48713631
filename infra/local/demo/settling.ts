import { bold, dim, heading, say, table } from '../terminal.js';
import type { Scene } from './scene.js';

/** Act 4: the public event, read by a consumer that is not ours. */
export async function settling(scene: Scene, job_id: string): Promise<void> {
  heading('4  Downstream reads that it is done');
  const { data, headers, key, offset, partition, topic } = await scene.downstream.about(job_id);
  say(`  plain kafkajs on ${bold(topic)}, partition ${partition}, offset ${offset}, key "${key}"`);
  const shown = ['ce_id', 'ce_type', 'ce_source', 'ce_time', 'traceparent'].filter((name) => headers[name]);
  table(
    shown.map((name) => [dim(name), headers[name] ?? '']),
    4,
  );
  const { counts, deliveries, state } = data as Record<string, unknown>;
  say(`    ${JSON.stringify({ state, counts: withoutCodes(counts), deliveries })}`);
}

/** The counts by code stood in the second act already. */
function withoutCodes(counts: unknown): unknown {
  const { by_code: _, ...rest } = (counts ?? {}) as Record<string, unknown>;
  return rest;
}
