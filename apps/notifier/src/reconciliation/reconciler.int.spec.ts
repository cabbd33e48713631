import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient } from '@assay/contracts';
import { renderMetrics } from '@assay/observability';
import { readSettings } from '@assay/service';
import { eventually, testRun } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { NOTIFIER_SETTINGS } from '../notifier.config.js';
import { answer, ignore } from '../providers/conformance/http-receiver.fixture.js';
import { reconcileOnce } from './reconcile-once.js';
import type { Reconciliation } from './reconciler.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const DEV: Recipient = { channel: 'email', address: 'dev@example.org' };
const QUICK = { ASSAY_LEASE_MS: '600', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '250' };

jest.setTimeout(60_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

function reconcile(): Promise<Reconciliation> {
  return reconcileOnce(readSettings(NOTIFIER_SETTINGS, { ...notifier.env, ...QUICK, ASSAY_INSTANCE: 'command' }));
}

/** The command as a CronJob runs it. */
function command(): Promise<unknown> {
  const script = join(testRun().build, 'bin', 'notifier', 'reconcile.js');
  const env = { ...notifier.env, ...QUICK, PATH: process.env['PATH'], ASSAY_INSTANCE: 'command' };
  return promisify(execFile)(process.execPath, [script], { env });
}

/** Deliveries whose worker went away after the intent, and whose items are lost too: all that is left are the rows. */
async function strand(): Promise<Awaited<ReturnType<NotifierFixture['tell']>>> {
  notifier.bot.behave(ignore);
  notifier.mail.behave('silent_after_accepting');
  const worker = await notifier.spawn({ ASSAY_LEASE_MS: '30000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '9000' });
  const before = [notifier.bot.received.length, notifier.mail.accepted.length] as const;
  const review = await notifier.tell([BOT, DEV]);
  await eventually(
    () => {
      const now = [notifier.bot.received.length, notifier.mail.accepted.length];
      expect(now).toEqual(before.map((n) => n + 1));
    },
    { within_ms: 20_000 },
  );
  worker.kill('SIGKILL');
  await notifier.database.sql('DELETE FROM work_items');
  notifier.bot.behave(answer(204));
  notifier.mail.behave('accept');
  return review;
}

describe('reconciliation', () => {
  it('DEL-11.d as a command marks a mail without outcome as unknown and gives a webhook back to the queue', async () => {
    const review = await strand();
    await eventually(
      async () => {
        await command();
        const items = await notifier.database.sql(`SELECT FROM work_items WHERE queue = 'deliver' AND phase = 'work'`);
        expect(items).toHaveLength(1);
      },
      { within_ms: 20_000 },
    );
    await eventually(async () => {
      await command();
      const held = await notifier.database.sql(`SELECT FROM deliveries WHERE state = 'unknown'`);
      expect(held).toHaveLength(1);
    });
    expect(await reconcile()).toEqual({ held: 0, requeued: 0, left: 1 });
    await notifier.start();
    await notifier.deliveries(review, 'unknown', 'sent');
    await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1));
    expect(notifier.deadOf(review)[0]).toMatchObject({
      error_class: 'OUTCOME_UNKNOWN',
      code: 'intent_without_outcome',
    });
    expect(notifier.mail.accepted).toHaveLength(1);
    const bodies = notifier.bot.received.map(({ headers, body }) => `${String(headers['webhook-id'])} ${body}`);
    expect([bodies.length, new Set(bodies).size]).toEqual([2, 1]);
  });

  it('DEL-11.d, OBS-2.g runs on its own schedule in every replica', async () => {
    const review = await strand();
    await notifier.start({ ...QUICK, ASSAY_NOTIFIER_RECONCILE_INTERVAL_MS: '100' });
    await notifier.deliveries(review, 'unknown', 'sent');
    const metrics = await renderMetrics();
    for (const done of ['held', 'requeued']) {
      expect(metrics).toMatch(new RegExp(`^assay_deliveries_reconciled_total\\{done="${done}"\\} [1-9]`, 'm'));
    }
  });

  it('GEN-7.f reconciles what stands beside a delivery that cannot be', async () => {
    const [bad, sound] = [await strand(), await strand()];
    await notifier.database.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN IF NEW.state = 'unknown' AND NEW.job_id = '${bad.job_id}' THEN RAISE 'refused'; END IF; RETURN NEW; END $$`);
    await notifier.database.sql(
      'CREATE TRIGGER refuse BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION refuse()',
    );
    await eventually(async () => {
      await reconcile();
      expect(await notifier.database.sql(`SELECT job_id FROM deliveries WHERE state = 'unknown'`)).toEqual([
        { job_id: sound.job_id },
      ]);
    });
    await notifier.deliveries(bad, 'sending', 'sending');
  });

  it('DEL-11.d leaves what is being sent alone', async () => {
    notifier.bot.behave(ignore);
    await notifier.spawn({ ASSAY_LEASE_MS: '30000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '9000' });
    const review = await notifier.tell([BOT]);
    await notifier.deliveries(review, 'sending');
    // Old enough to be stranded, were its lease not alive.
    await notifier.database.sql(`UPDATE deliveries SET intent_at = intent_at - interval '1 hour'`);
    expect(await reconcile()).toEqual({ held: 0, requeued: 0, left: 0 });
    await notifier.deliveries(review, 'sending');
  });
});
