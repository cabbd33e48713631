import type { ServerResponse } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Recipient, ReviewValidated, StageDelayed } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { startHttpReceiver } from '../providers/conformance/http-receiver.fixture.js';
import type { HttpReceiver } from '../providers/conformance/http-receiver.fixture.js';

jest.setTimeout(120_000);

const ROWS = 200;
/** Its rows last longer than the test, however slow the machine. */
const RATE_PER_S = 2;
const bot = (address: string): Recipient => ({ channel: 'webhook', address });

let notifier: NotifierFixture;
let limited: HttpReceiver;
let dead: HttpReceiver;
beforeEach(async () => {
  [notifier, limited, dead] = await Promise.all([NotifierFixture.open(), startHttpReceiver(), startHttpReceiver()]);
  const file = notifier.env['ASSAY_NOTIFIER_CONFIG_FILE']!;
  const config = JSON.parse(await readFile(file, 'utf8')) as { webhook: { endpoints: Record<string, object> } };
  const like = config.webhook.endpoints['bot']!;
  config.webhook.endpoints['limited'] = { ...like, url: `${limited.url}/hook`, rate_per_s: RATE_PER_S };
  config.webhook.endpoints['dead'] = { ...like, url: `${dead.url}/hook` };
  await writeFile(file, JSON.stringify(config));
  dead.behave((response) => void response.writeHead(503).end());
});
afterEach(async () => {
  await notifier.close();
  await Promise.all([limited.close(), dead.close()]);
});

/**
 * From a review's event to its message: the least of `most` medians, or the first that is below `enough_ms`, for what else
 * the machine does only adds.
 */
async function leastToSentMs(most: number, enough_ms = 0): Promise<number> {
  let least_ms = Infinity;
  for (let n = 0; n < most && least_ms >= enough_ms; n += 1) least_ms = Math.min(least_ms, await medianToSentMs(9));
  return least_ms;
}

async function medianToSentMs(times: number): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const before = notifier.bot.received.length;
    const began_ms = performance.now();
    await notifier.tell([bot('bot')]);
    await eventually(() => expect(notifier.bot.received.length).toBe(before + 1));
    took.push(performance.now() - began_ms);
  }
  return took.sort((a, b) => a - b)[Math.floor(times / 2)]!;
}

/** Items of an endpoint that were written to since they were queued: claimed, put back, or settled. */
async function touched(address: string): Promise<number> {
  const [row] = await notifier.database.sql<{ touched: number }>(
    `SELECT count(*)::int AS touched FROM work_items WHERE lane = 'webhook:' || $1 AND (state = 'running' OR attempts > 0)`,
    [address],
  );
  return row!.touched;
}

async function openOf(address: string): Promise<number> {
  const [row] = await notifier.database.sql<{ open: number }>(
    `SELECT count(*)::int AS open FROM deliveries WHERE address = $1 AND state <> 'sent'`,
    [address],
  );
  return row!.open;
}

describe('lanes of the queue of deliveries', () => {
  it('WQ-9.a, WQ-9.b, DEL-9.a leave a healthy endpoint at speed beside a dead, a silent and a rate-limited one', async () => {
    await notifier.start({ ASSAY_NOTIFIER_CIRCUIT_OPEN_MS: '20000', ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS: '20000' });
    await medianToSentMs(3);
    const alone_ms = await leastToSentMs(3);
    const at_speed_ms = alone_ms * 1.5 + 50;
    const silent: ServerResponse[] = [];
    notifier.slow.behave((response) => void silent.push(response));
    await Promise.all(Array.from({ length: ROWS }, () => notifier.tell([bot('dead'), bot('slow'), bot('limited')])));
    await eventually(async () => {
      const [waiting] = await notifier.database.sql('SELECT count(*)::int AS reviews FROM reviews WHERE open > 0');
      expect(waiting).toEqual({ reviews: ROWS });
      expect(silent).toHaveLength(8);
      // The last that the flood itself leaves to do: each job says that it waits.
      const told = notifier.delayed.records.map((record) => record.json<StageDelayed>().job_id);
      expect(new Set(told).size).toBeGreaterThanOrEqual(ROWS);
    });
    const at_limited = limited.received.length;
    const began_ms = performance.now();
    const beside_ms = await leastToSentMs(10, at_speed_ms);
    await eventually(() => expect(limited.received.length).toBeGreaterThan(at_limited));
    const [sent, took_s] = [limited.received.length - at_limited, (performance.now() - began_ms) / 1_000];
    // What cannot go is not claimed: the circuit's first failures, and as many as may be at work at once.
    expect(await touched('dead')).toBeLessThanOrEqual(8);
    expect(await touched('slow')).toBeLessThanOrEqual(8);
    expect(sent).toBeLessThanOrEqual(RATE_PER_S * (took_s + 1) + 1);
    expect(beside_ms).toBeLessThan(at_speed_ms);
    dead.behave((response) => void response.writeHead(204).end());
    notifier.slow.behave((response) => void response.writeHead(204).end());
    for (const response of silent) response.writeHead(204).end();
    await eventually(async () => expect(await openOf('slow')).toBe(0), { within_ms: 30_000 });
    await eventually(async () => expect(await openOf('dead')).toBe(0), { within_ms: 40_000 });
  });

  it('ING-11.g tells the job of each row that waits behind an open circuit, though none of them is claimed', async () => {
    await notifier.start({ ASSAY_NOTIFIER_CIRCUIT_OPEN_MS: '3600000', ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS: '3600000' });
    await notifier.tell([bot('dead')]);
    await eventually(() => expect(dead.received).toHaveLength(3));
    const reviews = await Promise.all(Array.from({ length: 20 }, () => notifier.tell([bot('dead'), bot('bot')])));
    const waits = (of: ReviewValidated) =>
      notifier.delayed.records
        .map((record) => record.json<StageDelayed>())
        .filter(({ job_id, code }) => job_id === of.job_id && code === 'http_503');
    await eventually(() => expect(reviews.map((review) => waits(review).length)).toEqual(reviews.map(() => 1)), {
      within_ms: 20_000,
    });
    expect(waits(reviews[0]!)[0]).toMatchObject({ attempt: 1, subject_type: 'delivery', summary: { failed: 0 } });
    expect(dead.received).toHaveLength(3);
    expect(await touched('dead')).toBeLessThanOrEqual(1);
  });

  it('OPS-1.b claims nothing more once the process has begun to stop, and gives back what it has not begun', async () => {
    // No send may time out meanwhile: that would be an attempt.
    const replica = await notifier.start({ ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '9500', ASSAY_LEASE_MS: '30000' });
    const silent: ServerResponse[] = [];
    notifier.slow.behave((response) => void silent.push(response));
    await Promise.all(Array.from({ length: 50 }, () => notifier.tell([bot('slow')])));
    await eventually(() => expect(silent).toHaveLength(8));
    const stopped = replica.stop();
    notifier.slow.behave((response) => void response.writeHead(204).end());
    for (const response of silent) response.writeHead(204).end();
    await stopped;
    expect(notifier.slow.received).toHaveLength(8);
    const left = await notifier.database.sql(
      `SELECT DISTINCT state, attempts FROM work_items WHERE phase = 'work' AND lane = 'webhook:slow'`,
    );
    expect(left).toEqual([{ state: 'queued', attempts: 0 }]);
  });
});
