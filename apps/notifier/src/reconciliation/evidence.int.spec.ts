import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Recipient } from '@assay/contracts';
import { addLogSink, renderMetrics } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';

/** Postmark knows no keys and can be asked. */
const DEV: Recipient = { channel: 'email', address: 'dev@postmark.example' };
const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const QUICK = {
  ...{ ASSAY_LEASE_MS: '1000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '400' },
  ASSAY_NOTIFIER_RECONCILE_INTERVAL_MS: '100',
};

jest.setTimeout(120_000);

let notifier: NotifierFixture;
let lines: LogLine[];
let endSink: () => void;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  lines = [];
  endSink = addLogSink((line) => lines.push(line));
});
afterEach(async () => {
  endSink();
  await notifier.close();
});

const due = (id: string) =>
  notifier.database.sql<{ due: boolean }>('SELECT evidence_due_at IS NOT NULL AS due FROM deliveries WHERE id = $1', [
    id,
  ]);
const said = (event: string) => lines.filter((line) => line.event === event);

it('DEL-11.c finds what was sent at a provider that can be asked, once it has had time to appear', async () => {
  await notifier.start(QUICK);
  const review = await notifier.tell([DEV, BOT]);
  const [mail, webhook] = await notifier.deliveries(review, 'sent', 'sent');
  // Nobody can be asked about a webhook.
  expect(await due(webhook!.id)).toEqual([{ due: false }]);
  await eventually(async () => expect(await due(mail!.id)).toEqual([{ due: false }]), { within_ms: 20_000 });
  expect(notifier.postmark.asked.length).toBeGreaterThan(0);
  expect([said('evidence_missing'), notifier.deadOf(review)]).toEqual([[], []]);
});

it('DEL-11.c opens one dead letter, with an alert, for what the provider does not know, and never sends it again', async () => {
  await Promise.all([notifier.start(QUICK), notifier.start(QUICK)]);
  const review = await notifier.tell([DEV]);
  const [mail] = await notifier.deliveries(review, 'sent');
  notifier.postmark.forget();
  const [letter] = await eventually(
    () => {
      const letters = notifier.deadOf(review);
      expect(letters).toHaveLength(1);
      return letters;
    },
    { within_ms: 20_000 },
  );
  expect(letter).toMatchObject({
    ...{ subject_type: 'delivery', subject_id: mail!.id, error_class: 'OUTCOME_UNKNOWN', code: 'evidence_missing' },
    summary: { open: 0, failed: 0, by_channel: { email: { sent: 1 } } },
    sanitized_context: { delivery_state: 'sent', destination: 'mail_api:postmark' },
  });
  expect(said('evidence_missing')).toHaveLength(1);
  expect(await renderMetrics()).toMatch(/^assay_deliveries_evidence_total\{said="missing"\} 1/m);
  // Two replicas look again and again: the next review shows that they have, and nothing has come of it.
  const after = await notifier.tell([DEV]);
  const [next] = await notifier.deliveries(after, 'sent');
  await eventually(async () => expect(await due(next!.id)).toEqual([{ due: false }]), { within_ms: 20_000 });
  await notifier.deliveries(review, 'sent');
  expect([notifier.deadOf(review).length, notifier.postmark.taken.length]).toEqual([1, 2]);
});

it('DEL-11.c asks again later where the provider cannot be asked, and takes that for no answer', async () => {
  await notifier.start(QUICK);
  const review = await notifier.tell([DEV]);
  const [mail] = await notifier.deliveries(review, 'sent');
  notifier.postmark.refuse((response) => response.writeHead(500).end());
  await eventually(() => expect(said('evidence_not_asked').length).toBeGreaterThan(0), { within_ms: 20_000 });
  expect(await due(mail!.id)).toEqual([{ due: true }]);
  expect(notifier.deadOf(review)).toEqual([]);
});
