import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient } from '@assay/contracts';
import { Database } from '@assay/postgres';
import { eventually } from '@assay/testing';
import type { DeadUnit, WorkItem } from '@assay/work-queue';
import { NotifierFixture } from '../notifier.fixture.js';
import type { DeliveryBody } from './delivery.types.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DELIVER_QUEUE } from './delivery-items.js';
import { DeliveryWorker } from './delivery.worker.js';
import { outcomeUnknown } from './failures.js';

const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };

jest.setTimeout(90_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

describe('an attempt that answers after its lease has ended', () => {
  // A definite "not sent" that came between its successor's look at the row and that one's settlement closed the intent;
  // the successor's "outcome unknown" then met no row, its item ended, and the delivery waited for ever.
  it('GEN-5.a leaves a row that its successor judged too early in the queue, and it is sent', async () => {
    notifier.mail.behave('silent_after_accepting');
    const first = await notifier.spawn({ ASSAY_LEASE_MS: '30000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '9000' });
    const review = await notifier.tell([DEV]);
    await eventually(() => expect(notifier.mail.accepted).toHaveLength(1), { within_ms: 20_000 });
    const [delivery] = await notifier.deliveries(review, 'sending');
    first.kill('SIGKILL');
    await notifier.database.sql('DELETE FROM work_items');
    notifier.mail.behave('accept');
    const { app } = await notifier.start();
    const [repository, worker, database] = [app.get(DeliveryRepository), app.get(DeliveryWorker), app.get(Database)];

    const body = (await repository.load([delivery!.id])).get(delivery!.id)!;
    const token = body.row.intent_token!;
    await repository.withdrawIntents('first', [{ id: delivery!.id, token, maybe: false, failed: true, code: 'late' }]);
    const dead = await database.transaction((tx) => worker.deadLettered(tx, [deadUnit(body)]));

    expect(dead.size).toBe(0);
    await notifier.deliveries(review, 'sent');
    expect(notifier.mail.accepted).toHaveLength(2);
  });

  it('queues nothing again for a row that has ended meanwhile', async () => {
    const { app } = await notifier.start();
    const [repository, worker, database] = [app.get(DeliveryRepository), app.get(DeliveryWorker), app.get(Database)];
    const review = await notifier.tell([DEV]);
    const [delivery] = await notifier.deliveries(review, 'sent');
    const body = (await repository.load([delivery!.id])).get(delivery!.id)!;
    await database.transaction(async (tx) => {
      expect((await worker.deadLettered(tx, [deadUnit(body)])).size).toBe(0);
      expect(await tx.query(`SELECT FROM work_items WHERE subject_id = $1 AND phase = 'work'`, [delivery!.id])).toEqual(
        [],
      );
    });
  });
});

/** What the successor settles: an open intent, and nobody who can tell. */
function deadUnit(body: DeliveryBody): DeadUnit<DeliveryBody> {
  const item = {
    ...{ id: '00000000-0000-7000-8000-000000000001', queue: DELIVER_QUEUE, subject_id: body.row.id },
    ...{ lane: 'webhook:bot', source: body.row.source },
    ...{ generation: body.row.generation, priority: 5, correlation_id: 'corr', traceparent: null },
  } as WorkItem;
  const now = '2026-01-01T00:00:00.000Z';
  const failure = outcomeUnknown('intent_without_outcome');
  return { unit: { item, body }, failure, attempts: 1, first_failure_at: now, last_failure_at: now };
}
