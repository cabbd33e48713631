import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Recipient } from '@assay/contracts';
import { addLogSink, renderMetrics } from '@assay/observability';
import type { LogLine } from '@assay/observability';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { answer } from '../providers/conformance/http-receiver.fixture.js';

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const LOOK_MS = 50;

jest.setTimeout(120_000);

interface ProvidersFile {
  webhook: { endpoints: Record<string, object> };
  mail: { domains: Record<string, { via: string }> };
}

let notifier: NotifierFixture;
let folder: string;
/** As a mounted ConfigMap lies: the file is a link through `..data`, which is a link that is replaced as a whole. */
let path: string;
let versions = 0;

beforeEach(async () => {
  notifier = await NotifierFixture.open();
  folder = await mkdtemp(join(tmpdir(), 'assay-config-map-'));
  path = join(folder, 'notifier.json');
  await mount(await readFile(notifier.env['ASSAY_NOTIFIER_CONFIG_FILE']!, 'utf8'));
  await symlink(join('..data', 'notifier.json'), path);
});
afterEach(async () => {
  await notifier.close();
  await rm(folder, { recursive: true });
});

/** What the kubelet does. */
async function mount(text: string): Promise<void> {
  const version = `..${(versions += 1)}`;
  await mkdir(join(folder, version));
  await writeFile(join(folder, version, 'notifier.json'), text);
  await symlink(version, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
}

const file = async () => JSON.parse(await readFile(path, 'utf8')) as ProvidersFile;
async function withBot(members: object): Promise<string> {
  const now = await file();
  const endpoints = { ...now.webhook.endpoints, bot: { ...now.webhook.endpoints['bot'], ...members } };
  return JSON.stringify({ ...now, webhook: { endpoints } });
}
const to = (receiver: { url: string }) => withBot({ url: `${receiver.url}/hook` });
const start = () =>
  notifier.start({ ASSAY_NOTIFIER_CONFIG_FILE: path, ASSAY_NOTIFIER_CONFIG_POLL_MS: String(LOOK_MS) });

/** Until a delivery goes where the file says by now: replicas tell of nothing when they have looked. */
async function taken(lines: LogLine[], n: number): Promise<void> {
  await eventually(() => expect(lines.filter(({ event }) => event === 'providers_file_taken')).toHaveLength(n));
}
async function listening<T>(during: (lines: LogLine[]) => Promise<T>): Promise<T> {
  const lines: LogLine[] = [];
  const stop = addLogSink((line) => lines.push(line));
  try {
    return await during(lines);
  } finally {
    stop();
  }
}

it('DEL-6.d takes a changed file without a restart, swapped as a ConfigMap is or by rename', async () => {
  await listening(async (lines) => {
    await start();
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect(notifier.bot.received).toHaveLength(1);
    await mount(await to(notifier.slow));
    await taken(lines, 1);
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect([notifier.bot.received.length, notifier.slow.received.length]).toEqual([1, 1]);
    const back = await to(notifier.bot);
    await writeFile(join(folder, 'next.json'), back);
    await rename(join(folder, 'next.json'), path);
    await taken(lines, 2);
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect([notifier.bot.received.length, notifier.slow.received.length]).toEqual([2, 1]);
  });
});

it('DEL-6.d reads secrets again that a changed file refers to, and watches them', async () => {
  const token = join(folder, 'token');
  await writeFile(token, 'first');
  await listening(async (lines) => {
    await start();
    await mount(await withBot({ bearer: `file:${token}` }));
    await taken(lines, 1);
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    await writeFile(token, 'second');
    await mount(await withBot({ concurrency: 2 }));
    await taken(lines, 2);
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    const told = notifier.bot.received.map(({ headers }) => headers.authorization);
    expect(told).toEqual(['Bearer first', 'Bearer second']);
  });
});

it('DEL-6.e keeps the old file in force over a faulty change, and tells its entry in log, metric and readiness', async () => {
  await listening(async (lines) => {
    const replica = await start();
    const readyz = async () => {
      const answered = await fetch(`${replica.probes_url}/readyz`);
      const { checks } = (await answered.json()) as { checks: Record<string, object> };
      return [answered.status, checks['providers_file']];
    };
    const refused = async () => /^assay_providers_file_refused(?:\{[^}]*\})? (\d)/m.exec(await renderMetrics())?.[1];
    expect([await readyz(), await refused()]).toEqual([[200, { ok: true }], '0']);
    await mount(await withBot({ url: 'http://169.254.169.254/hook' }));
    const detail = 'webhook:bot: address_forbidden';
    await eventually(async () =>
      expect(await readyz()).toEqual([200, { ok: false, code: 'providers_file_refused', detail }]),
    );
    expect(await refused()).toBe('1');
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect(notifier.bot.received).toHaveLength(1);
    await mount('{"webhook": ');
    await eventually(async () => expect((await readyz())[1]).toMatchObject({ detail: 'the file: not_json' }));
    const told = lines.filter(({ event }) => event === 'providers_file_refused');
    expect(told).toHaveLength(2);
    expect(told[0]).toMatchObject({ faults: [{ entry: 'webhook:bot', code: 'address_forbidden' }] });
  });
});

it('DEL-6.e takes a file whose secret comes later than it does', async () => {
  const token = join(folder, 'later');
  await listening(async (lines) => {
    await start();
    await mount(await withBot({ bearer: `file:${token}` }));
    await eventually(() => expect(lines.filter(({ event }) => event === 'providers_file_refused')).toHaveLength(1));
    await writeFile(token, 'tangerine');
    await taken(lines, 1);
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect(notifier.bot.received[0]!.headers.authorization).toBe('Bearer tangerine');
  });
});

it('DEL-6.f ends an attempt under what it began with', async () => {
  const held: ServerResponse[] = [];
  notifier.bot.behave((response) => held.push(response));
  await listening(async (lines) => {
    await start();
    const review = await notifier.tell([BOT]);
    await eventually(() => expect(held).toHaveLength(1));
    await mount(await to(notifier.slow));
    await taken(lines, 1);
    await notifier.deliveries(await notifier.tell([BOT]), 'sent');
    expect(notifier.slow.received).toHaveLength(1);
    held[0]!.writeHead(204).end();
    await notifier.deliveries(review, 'sent');
    expect([notifier.bot.received.length, notifier.slow.received.length]).toEqual([1, 1]);
  });
});

it('DEL-6.f loses no delivery and tells nobody twice while the file changes again and again', async () => {
  notifier.bot.behave((response, request) => setImmediate(() => answer(204)(response, request)));
  await listening(async (lines) => {
    await start();
    const reviews = Array.from({ length: 120 }, () => notifier.tell([BOT]));
    for (let n = 1; n <= 6; n += 1) {
      const now = JSON.parse(await to(n % 2 === 0 ? notifier.bot : notifier.slow)) as ProvidersFile;
      now.webhook.endpoints['bot'] = { ...now.webhook.endpoints['bot'], concurrency: n, rate_per_s: 200 * n };
      await mount(JSON.stringify(now));
      await taken(lines, n);
    }
    for (const review of await Promise.all(reviews)) await notifier.deliveries(review, 'sent');
    const keys = [...notifier.bot.received, ...notifier.slow.received].map(({ headers }) => headers['webhook-id']);
    expect([keys.length, new Set(keys).size]).toEqual([120, 120]);
  });
});

it('DEL-6.f sends mail that waits for a dead server through the service that the file names now', async () => {
  notifier.mail.behave('refuse_connection');
  await listening(async (lines) => {
    await start();
    const mails = ['a', 'b', 'c', 'd', 'e', 'f'].map((who) => ({
      channel: 'email' as const,
      address: `${who}@example.com`,
    }));
    const review = await notifier.tell(mails);
    await eventually(() => expect(notifier.delayed.records.length).toBeGreaterThan(0));
    const now = await file();
    now.mail.domains['example.com'] = { via: 'resend' };
    await mount(JSON.stringify(now));
    await taken(lines, 1);
    await notifier.act({ subject_type: 'job', subject_id: review.job_id });
    await notifier.deliveries(review, ...mails.map(() => 'sent'));
    expect([notifier.resend.mails.length, notifier.mail.accepted.length]).toEqual([6, 0]);
  });
});
