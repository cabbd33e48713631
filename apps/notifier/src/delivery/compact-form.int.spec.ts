import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Recipient, ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer, cut } from '../providers/conformance/http-receiver.fixture.js';
import { aFinding } from '../rendering/example-input.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
/** More than a compact form ever has. */
const findings = Array.from({ length: 100 }, (_, n) => aFinding({ id: `F-${n}`, message: 'm'.repeat(400) }));
const result: ReviewValidated['result'] = { schema_version: '1.0', prompt_version: '2.1.0', findings };

jest.setTimeout(120_000);

let notifier: NotifierFixture;
beforeEach(async () => {
  notifier = await NotifierFixture.open();
  await notifier.limitSizes(60_000);
});
afterEach(() => notifier.close());

const bodies = () => notifier.bot.received.map(({ body }) => (JSON.parse(body.toString()) as { data: object }).data);
const keys = () => new Set(notifier.bot.received.map(({ headers }) => headers['webhook-id']));

it('DEL-3.g, DEL-7.i sends the compact form under the same key once the whole one is refused for its size', async () => {
  notifier.bot.behave((response, request) => answer(request.body.length > 20_000 ? 413 : 204)(response, request));
  await notifier.start();
  const review = await notifier.tell([BOT], { result });
  await notifier.deliveries(review, 'sent');
  expect(bodies()).toEqual([
    expect.not.objectContaining({ compact: true }),
    expect.objectContaining({ compact: true, counts: expect.objectContaining({ kept: 100 }) }),
  ]);
  expect(keys().size).toBe(1);
  expect(notifier.deadOf(review)).toEqual([]);
});

it('DEL-3.g sends it once: a compact form that is refused, too, is a dead letter', async () => {
  notifier.bot.behave(answer(413));
  await notifier.start();
  const review = await notifier.tell([BOT], { result });
  await notifier.deliveries(review, 'failed_permanent');
  expect(notifier.bot.received).toHaveLength(2);
  await eventually(() => expect(notifier.deadOf(review)).toHaveLength(1), { within_ms: 20_000 });
  expect(notifier.deadOf(review)[0]).toMatchObject({ error_class: 'POLICY_REJECTED', code: 'http_413' });
});

it('DEL-3.g sends none where an attempt under the key may have gone through', async () => {
  notifier.bot.behave((response, request) =>
    notifier.bot.received.length === 1 ? cut(response, request) : answer(413)(response, request),
  );
  await notifier.start();
  const review = await notifier.tell([BOT], { result });
  await notifier.deliveries(review, 'failed_permanent');
  expect(new Set(notifier.bot.received.map(({ body }) => body.toString())).size).toBe(1);
});
