import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recipient } from '@assay/contracts';
import { eventually, provisionedVault, testRun } from '@assay/testing';
import type { ProvisionedVault } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';

jest.setTimeout(180_000);

const BOT: Recipient = { channel: 'webhook', address: 'bot' };
const REFERENCE = 'vault:app/notifier#bearer';

let notifier: NotifierFixture;
let vault: ProvisionedVault;

beforeAll(async () => {
  [notifier, vault] = [await NotifierFixture.open(), await provisionedVault('app/data/notifier')];
});
afterAll(async () => {
  await notifier.close();
  await vault.close();
});

const fileAt = (): string => notifier.env['ASSAY_NOTIFIER_CONFIG_FILE']!;
const keep = (bearer: string): Promise<void> => vault.bao.put('app/data/notifier', { bearer });

interface ProvidersFile {
  webhook: { endpoints: Record<string, object> };
}

/** The providers file, with this reference as the bot's bearer token. */
async function refer(bearer: string): Promise<void> {
  const now = JSON.parse(await readFile(fileAt(), 'utf8')) as ProvidersFile;
  const endpoints = { ...now.webhook.endpoints, bot: { ...now.webhook.endpoints['bot'], bearer } };
  await writeFile(fileAt(), JSON.stringify({ ...now, webhook: { endpoints } }));
}

/** What the bot was last shown as bearer token. */
async function shown(): Promise<string | undefined> {
  await notifier.deliveries(await notifier.tell([BOT]), 'sent');
  return notifier.bot.received.at(-1)?.headers.authorization;
}

it('SEC-3.b sends by what a changed providers file refers to, and by what that is changed to', async () => {
  await keep('first-token');
  const polls = { ASSAY_VAULT_POLL_MS: '300', ASSAY_NOTIFIER_CONFIG_POLL_MS: '100' };
  await notifier.spawn({ ...(await vault.approle()), ...polls });
  expect(await shown()).toBeUndefined();
  await refer(REFERENCE);
  await eventually(async () => expect(await shown()).toBe('Bearer first-token'), { within_ms: 30_000 });
  await keep('second-token');
  await eventually(async () => expect(await shown()).toBe('Bearer second-token'), { within_ms: 30_000 });
  // What the vault does not have leaves the file in force that it had.
  await refer('vault:app/notifier#nothing');
  await keep('third-token');
  await eventually(async () => expect(await shown()).toBe('Bearer third-token'), { within_ms: 30_000 });
});

it('SEC-3.b starts by what its providers file refers to', async () => {
  await keep('of-the-start');
  await refer(REFERENCE);
  await notifier.spawn(await vault.approle());
  await eventually(async () => expect(await shown()).toBe('Bearer of-the-start'), { within_ms: 30_000 });
});

/** `assayctl providers check` as an operator runs it. */
async function check(env: Record<string, string>, ...args: string[]): Promise<{ code: number; told: string }> {
  const script = join(testRun().build, 'bin', 'assayctl.js');
  const child = spawn(process.execPath, [script, 'providers', 'check', fileAt(), ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const code = await new Promise<number>((resolve) => child.once('close', resolve));
  return { code, told };
}

it('SEC-3.b is what assayctl checks a providers file by, or by the form of its references alone', async () => {
  await keep('fourth-token');
  const env = { ...(notifier.env as Record<string, string>), ...(await vault.approle()) };
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !/^ASSAY_(?!VAULT_)/.test(name)));
  await refer(REFERENCE);
  expect((await check(own)).told).toMatch(/^right\n/);
  await refer('vault:app/notifier#nothing');
  const wrong = await check(own);
  expect([wrong.code, wrong.told]).toEqual([
    1,
    expect.stringMatching(
      /\/webhook\/endpoints\/bot\/bearer.*\n  secret_missing: vault:app\/notifier#nothing cannot be read/,
    ),
  ]);
  expect(await check(own, '--no-secrets')).toMatchObject({ code: 0 });
  await refer('vault:app/notifier');
  expect((await check(own, '--no-secrets')).told).toContain('not_a_reference');
});
