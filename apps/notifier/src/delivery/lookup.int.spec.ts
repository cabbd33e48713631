import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Failure } from '@assay/contracts';
import type { Recipient } from '@assay/contracts';
import { addLogSink } from '@assay/observability';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { Providers } from '../providers/index.js';
import { Ledger, LedgerProvider } from '../providers/conformance/ledger.provider.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const QUICK = { ASSAY_LEASE_MS: '1000', ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '300', ASSAY_NOTIFIER_CIRCUIT_FAILURES: '100' };

jest.setTimeout(60_000);

let notifier: NotifierFixture;
let ledger: Ledger;
let events: string[];
let endSink: () => void;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  ledger = new Ledger();
  events = [];
  endSink = addLogSink(({ event }) => void events.push(event));
  await notifier.start(QUICK, () => new Providers([new LedgerProvider(ledger)]));
});
afterEach(async () => {
  endSink();
  await notifier.close();
});

describe('a provider that can be asked', () => {
  it('DEL-11.a is asked before anything else is sent, and what it has is back-filled', async () => {
    ledger.behaviour = 'accept_in_silence';
    const review = await notifier.tell([BOT]);
    const [row] = await notifier.deliveries(review, 'sent');
    expect(row!.notification_id).toBe(`found ${ledger.accepted[0]}`);
    expect(ledger.accepted).toHaveLength(1);
    await eventually(() => expect(notifier.settledOf(review).at(-1)?.summary.open).toBe(0));
  });

  it('is not asked again before it wants to be', async () => {
    ledger.behaviour = 'accept_in_silence';
    ledger.refusal = new Failure({
      ...{ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'http_429', retryable: true },
      ...{ message: 'too many questions', retry_after_ms: 3_000 },
    });
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(ledger.asked).toHaveLength(1));
    const asked = performance.now();
    await notifier.deliveries(review, 'sent');
    expect(performance.now() - asked).toBeGreaterThan(2_500);
    expect(ledger.asked).toHaveLength(2);
    expect(ledger.accepted).toHaveLength(1);
  });

  it('DEL-11.b has the message sent again, and says so in the log, only once it is old enough not to appear any more', async () => {
    ledger.behaviour = 'lose';
    const began = performance.now();
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(ledger.asked.length).toBeGreaterThan(0));
    ledger.behaviour = 'accept';
    await notifier.deliveries(review, 'sent');
    // Lease, send time-out and the provider's lag.
    expect(performance.now() - began).toBeGreaterThan(1_000 + 300 + 50);
    expect(ledger.accepted).toHaveLength(1);
    expect(ledger.asked.length).toBeGreaterThan(1);
    expect(events).toContain('outcome_not_found');
  });
});
