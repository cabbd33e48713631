import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { simpleParser } from 'mailparser';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';
import { aFinding } from '../rendering/example-input.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const SLOW: Recipient = { channel: 'webhook', address: 'slow' };
const SLACK: Recipient = { channel: 'slack', address: 'reviews' };
const MAIL: Recipient = { channel: 'email', address: 'dev@example.com' };

jest.setTimeout(120_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
});
afterEach(() => notifier.close());

const withFindings = (...severities: string[]): Pick<ReviewValidated, 'result' | 'counts'> => ({
  result: {
    schema_version: '1.0',
    prompt_version: '2.1.0',
    findings: severities.map((severity, n) => aFinding({ id: `F-${n}`, severity })),
  },
  counts: { submitted: severities.length, kept: severities.length, dropped: 0, coerced: 0, by_code: {} },
});
interface Told {
  withheld: number;
  findings: { severity: string }[];
}
const told = (n = 0): Told => (JSON.parse(notifier.bot.received[n]!.body.toString()) as { data: Told }).data;

it('DEL-16.d counts what thresholds withheld in every message and in the words about the job', async () => {
  await notifier.ask({
    endpoint: { min_severity: 'high' },
    hook: { min_severity: 'critical' },
    mail: { domains: { 'example.com': { min_severity: 'medium' } } },
  });
  await notifier.start();
  const review = await notifier.tell([BOT, SLACK, MAIL], withFindings('critical', 'high', 'medium', 'low'));
  await notifier.deliveries(review, 'sent', 'sent', 'sent');
  expect([told().withheld, told().findings.map(({ severity }) => severity)]).toEqual([2, ['critical', 'high']]);
  expect(notifier.slack.posted[0]!.text).toContain('3 findings withheld: this recipient asks for severity critical');
  const { subject } = await simpleParser(notifier.mail.accepted[0]!.raw);
  expect(subject).toContain('3 findings (1 critical, 1 high, 1 medium), 1 withheld');
  const last = await eventually(() => {
    const found = notifier
      .settledOf(review)
      .toSorted((a, b) => a.revision - b.revision)
      .at(-1)!;
    expect(found.summary).toMatchObject({ open: 0, failed: 0, withheld: 2 + 3 + 1 });
    return found;
  });
  const settled = notifier.settledOf(review).flatMap(({ deliveries }) => deliveries);
  expect(Object.fromEntries(settled.map(({ channel, withheld }) => [channel, withheld]))).toEqual({
    webhook: 2,
    slack: 3,
    email: 1,
  });
  expect(last.summary.by_channel).toEqual({ webhook: { sent: 1 }, slack: { sent: 1 }, email: { sent: 1 } });
});

it('DEL-16.e tells the counts where nothing is left, and nobody where skip_empty says so', async () => {
  await notifier.ask({ endpoint: { min_severity: 'critical' }, slow: { min_severity: 'critical', skip_empty: true } });
  await notifier.start();
  const review = await notifier.tell([BOT, SLOW], withFindings('low', 'info'));
  const [, slow] = await notifier.deliveries(review, 'sent', 'waived');
  expect([told().withheld, told().findings]).toEqual([2, []]);
  expect(notifier.slow.received).toEqual([]);
  expect((await notifier.moves(slow!.id)).at(-1)).toMatchObject({ from_state: 'pending', cause: 'below_threshold' });
  const { summary } = await eventually(() => {
    const found = notifier.settledOf(review).find(({ summary: { open } }) => open === 0);
    if (!found) throw new Error('not settled yet');
    return found;
  });
  expect(summary).toEqual({ open: 0, failed: 0, by_channel: { webhook: { sent: 1, waived: 1 } }, withheld: 4 });
  const worse = await notifier.tell([SLOW], withFindings('low', 'critical'));
  await notifier.deliveries(worse, 'sent');
});

it('DEL-16.b sends under one key what its first attempt froze, whatever the file asks for since', async () => {
  await notifier.ask({ endpoint: { min_severity: 'high', schedule: { retry_first_ms: 1, retry_cap_ms: 1 } } });
  let refused = 0;
  notifier.bot.behave((response, request) => answer((refused += 1) <= 2 ? 500 : 204)(response, request));
  const first = await notifier.start();
  const review = await notifier.tell([BOT], withFindings('critical', 'low'));
  await eventually(() => expect(refused).toBeGreaterThan(0));
  await first.stop();
  await notifier.ask({ endpoint: { min_severity: 'info', skip_empty: true } });
  await notifier.start();
  await notifier.deliveries(review, 'sent');
  expect(new Set(notifier.bot.received.map(({ body }) => body.toString())).size).toBe(1);
  expect(told(2).withheld).toBe(1);
});
