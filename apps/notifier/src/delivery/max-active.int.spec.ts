import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { Recipient } from '@assay/contracts';
import { NotifierFixture } from '../notifier.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };

let notifier: NotifierFixture;
beforeEach(async () => (notifier = await NotifierFixture.open()));
afterEach(() => notifier.close());

it('WQ-5.b lets all replicas together have no more deliveries in hand than ASSAY_NOTIFIER_MAX_ACTIVE', async () => {
  let [open, most] = [0, 0];
  notifier.bot.behave((response) => {
    most = Math.max(most, (open += 1));
    setTimeout(() => {
      open -= 1;
      response.writeHead(204).end();
    }, 50);
  });
  for (const replica of ['one', 'two']) {
    await notifier.start({ ASSAY_NOTIFIER_MAX_ACTIVE: '2', ASSAY_INSTANCE: replica });
  }
  const reviews = await Promise.all(Array.from({ length: 12 }, () => notifier.tell([BOT])));
  await Promise.all(reviews.map((review) => notifier.deliveries(review, 'sent')));
  expect(notifier.bot.received).toHaveLength(12);
  expect(most).toBe(2);
});
