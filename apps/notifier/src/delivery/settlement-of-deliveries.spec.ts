import { describe, expect, it } from '@jest/globals';
import { cpuMs, leastGrowth } from '@assay/testing';
import type { DoneUnit } from '@assay/work-queue';
import type { DeliveryBody, DeliveryResult } from './delivery.types.js';
import { parentKey } from './delivery.repository.js';
import type { ChangedDelivery, Parent } from './delivery.repository.js';
import { settledEvents } from './settlement-of-deliveries.js';

type Done = DoneUnit<DeliveryBody, DeliveryResult>;

function changedOf(id: string, job_id: string): ChangedDelivery {
  return {
    ...{ id, job_id, generation: 0, channel: 'webhook', from_state: 'sending', state: 'sent' },
    ...{ notification_id: 'n', notified_at: '2026-01-01T00:00:00.000Z', payload_hash: 'h' },
    ...{ original_ids: null, dead_lettered: false, repeat: 0, withheld: 0 },
  };
}

function parentOf(job_id: string): Parent {
  return {
    ...{ job_id, generation: 0, source: 'acme', changelist_id: 'c', review_version: 1, priority: 5, revision: 1 },
    ...{ correlation_id: 'c', traceparent: null, occurred_at: '2026-01-01T00:00:00.000Z' },
    waits_until: null,
    summary: { open: 0, failed: 0, by_channel: {} },
  };
}

/** A batch of `jobs` reviews with two deliveries each, as it is after its rows were written. */
function batch(jobs: number): Parameters<typeof settledEvents> {
  const changed = Array.from({ length: jobs * 2 }, (_, n) => changedOf(`delivery-${n}`, `job-${n % jobs}`));
  const done = changed.map(({ id }) => ({ unit: { item: { id: `item-of-${id}` }, body: { row: { id } } } }) as Done);
  const parents = changed.slice(0, jobs).map((each): [string, Parent] => [parentKey(each), parentOf(each.job_id)]);
  return [done, new Map(changed.map((each) => [each.id, each])), new Map(parents)];
}

describe('the events of a settlement', () => {
  it('DEL-15.b tell of all deliveries of a parent at once, on the first of its items', () => {
    const events = settledEvents(...batch(3));
    expect([...events.keys()]).toEqual(['item-of-delivery-0', 'item-of-delivery-1', 'item-of-delivery-2']);
    const [event] = events.get('item-of-delivery-1')!;
    const { summary, deliveries } = JSON.parse(event!.data.toString()) as {
      summary: object;
      deliveries: { delivery_id: string }[];
    };
    expect(summary).toEqual({ open: 0, failed: 0, by_channel: {} });
    expect(deliveries.map(({ delivery_id }) => delivery_id)).toEqual(['delivery-1', 'delivery-4']);
  });

  it('cost their batch and not its square', async () => {
    const [few, many] = [batch(500), batch(4_000)];
    const cost = (some: typeof few) => cpuMs(() => settledEvents(...some));
    expect(await leastGrowth(40, cost, few, many)).toBeLessThan(40);
  });
});
