import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { eventually, testDatabase } from '@assay/testing';
import type { TestDatabase } from '@assay/testing';
import { Lease } from '@assay/work-queue';
import { v7 } from 'uuid';
import { DeliveryRepository, parentDeltas, parentKey } from './delivery.repository.js';
import type { IntentWish, Parent } from './delivery.repository.js';
import { IntentWriter } from './intent-writer.js';

const JOB = v7();
const DELIVERIES = [v7(), v7()];

let own: TestDatabase;
let database: Database;
let repository: DeliveryRepository;

beforeEach(async () => {
  own = await testDatabase('notifier');
  database = await new Database({
    url: fixedSecret(own.url),
    schema: 'notifier',
    pool_size: 4,
    statement_timeout_ms: 10_000,
    application_name: 'parents-spec',
  }).open();
  repository = new DeliveryRepository(database);
  await own.sql(
    `INSERT INTO reviews (job_id, generation, source, changelist_id, review_version, priority, open, correlation_id,
      job_url, findings_url, validated) VALUES ($1, 0, 'ci', '1', 1, 5, 2, 'c', 'j', 'f', '')`,
    [JOB],
  );
  for (const [n, id] of DELIVERIES.entries()) {
    await own.sql(
      `INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, key, job_id, generation,
        state, born) VALUES ($1, 'ci', '1', 1, 'webhook', $2, sha256('key'), $3, 0, 'pending', 'pending')`,
      [id, `bot-${n}`, JOB],
    );
  }
});
afterEach(async () => {
  await database.close();
  await own.close();
});

/** Ends a delivery as superseding or a failure would, and counts it. */
async function end(tx: Tx, id: string): Promise<Parent> {
  const changed = await repository.settle(tx, 'spec', [
    {
      id,
      intent_token: null,
      to_state: 'failed_permanent',
      cause: 'refused_for_ever',
      outcome: 'not_sent',
      notification_id: null,
      error_class: 'RECIPIENT_INVALID',
      error_code: 'http_410',
    },
  ]);
  const parents = await repository.changeParents(tx, parentDeltas(changed));
  return parents.get(parentKey({ job_id: JOB, generation: 0 }))!;
}

describe('parents', () => {
  it('DEL-15.a lets exactly one of two transactions that end the last deliveries together see the end', async () => {
    let secondIsWaiting!: () => void;
    const waiting = new Promise<void>((resolve) => (secondIsWaiting = resolve));
    let firstHasCounted!: () => void;
    const counted = new Promise<void>((resolve) => (firstHasCounted = resolve));
    const first = database.transaction(async (tx) => {
      const parent = await end(tx, DELIVERIES[0]!);
      firstHasCounted();
      await waiting;
      return parent;
    });
    const second = counted.then(() => database.transaction((tx) => end(tx, DELIVERIES[1]!)));
    await eventually(async () => {
      const blocked = await own.sql(`SELECT 1 FROM pg_stat_activity WHERE application_name = 'parents-spec'
        AND datname = current_database() AND wait_event_type = 'Lock'`);
      expect(blocked).toHaveLength(1);
    });
    secondIsWaiting();
    const [one, other] = await Promise.all([first, second]);
    expect([one.summary.open, other.summary.open]).toEqual([1, 0]);
    expect([one.revision, other.revision]).toEqual([1, 2]);
    expect(one.summary.by_channel).toEqual({ webhook: { failed_permanent: 1, pending: 1 } });
    expect(other.summary).toEqual({ open: 0, failed: 2, by_channel: { webhook: { failed_permanent: 2 } } });
  });

  it('GEN-3.a settles nothing under a token that is not the row’s intent', async () => {
    const stale = { id: DELIVERIES[0]!, intent_token: v7(), to_state: 'sent', cause: 'provider_accepted' } as const;
    const changed = await database.transaction((tx) =>
      repository.settle(tx, 'spec', [
        { ...stale, outcome: 'sent', notification_id: 'n', error_class: null, error_code: null },
      ]),
    );
    expect(changed).toEqual([]);
  });

  it('DEL-3.a records no intent for an item that is not owned', async () => {
    const wish = { id: DELIVERIES[0]!, item_id: v7(), token: v7(), again: false, job_id: JOB, generation: 0 };
    const recorded = await repository.recordIntents('spec', [
      {
        ...{ ...wish, provider: 'webhook', compact_bytes: null, render_version: 1, payload_hash: 'h' },
        ...{ filter: null, withheld: 0 },
      },
    ]);
    expect(recorded.size).toBe(0);
  });
});

describe('intents', () => {
  const TOKEN = v7();
  /** An item at work for each delivery, under one owner and token. */
  async function wishes(): Promise<IntentWish[]> {
    const items = DELIVERIES.map(() => v7());
    for (const [n, item_id] of items.entries()) {
      await own.sql(
        `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, claimed_by, lease_token,
           lease_expires_at, correlation_id, lane, source)
         VALUES ($1, 'deliver', $2, 0, 'running', 'work', 5, now(), 'spec', $3, now() + interval '1 h', 'c', $4, 'ci')`,
        [item_id, DELIVERIES[n], TOKEN, `webhook:bot-${n}`],
      );
    }
    return items.map((item_id, n) => ({
      ...{ id: DELIVERIES[n]!, item_id, token: TOKEN, again: false, job_id: JOB, generation: 0, provider: 'webhook' },
      ...{ compact_bytes: null, render_version: 1, payload_hash: 'h', filter: null, withheld: 0 },
    }));
  }

  it('GEN-3.a, DEL-3.a, DEL-3.e are recorded under the owner, token and lease that hold, and for the frozen hash alone', async () => {
    const [wish] = await wishes();
    const recorded = async (owner: string, differs: Partial<IntentWish> = {}) =>
      (await repository.recordIntents(owner, [{ ...wish!, ...differs }])).size;
    expect([await recorded('other'), await recorded('spec', { token: v7() })]).toEqual([0, 0]);
    await own.sql(`UPDATE work_items SET lease_expires_at = now() - interval '1 s'`);
    expect(await recorded('spec')).toBe(0);
    await own.sql(`UPDATE work_items SET lease_expires_at = now() + interval '1 h'`);
    expect(await recorded('spec')).toBe(1);
    expect(await recorded('spec', { payload_hash: 'another' })).toBe(0);
  });

  it('GEN-7.f are recorded beside one that Postgres refuses, and that one alone fails', async () => {
    const [refused, sound] = await wishes();
    const writer = new IntentWriter(repository, 'spec', 1_000);
    const lease = () => new Lease('spec', TOKEN, 60_000, performance.now());
    const [first, second] = await Promise.allSettled([
      writer.record({ ...refused!, payload_hash: 'h\0' }, lease()),
      writer.record(sound!, lease()),
    ]);
    expect(first).toMatchObject({ status: 'rejected', reason: { retryable: false } });
    expect(second).toEqual({ status: 'fulfilled', value: expect.any(String) });
  });
});
