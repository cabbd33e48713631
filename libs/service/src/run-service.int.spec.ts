import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, testRun } from '@assay/testing';

// Each test starts processes, which takes seconds on a busy machine.
jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'assay-run-service-'));
const keys = join(folder, 'keys.json');
const started: ChildProcess[] = [];

beforeAll(async () => {
  writeFileSync(keys, '{"keys": []}');
  // The build leaves fixtures out: this one joins the build that this run made.
  const swc = join('node_modules', '.bin', 'swc');
  const source = join('libs', 'service', 'src', 'run-service.fixture.ts');
  await promisify(execFile)(swc, [source, '-d', testRun().build, '--config-file', '.swcrc', '--quiet']);
});
afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

const good = { ASSAY_HTTP_PORT: '0', ASSAY_HTTP_HOST: '127.0.0.1', ASSAY_MOOD: 'calm', ASSAY_INSTANCE: 'spec-1' };

interface Run {
  child: ChildProcess;
  output: () => string;
  /** Exit code, once it has ended. */
  ended: Promise<number | null>;
}

function run(env: Record<string, string>, ...args: string[]): Run {
  const script = join(testRun().build, 'libs', 'service', 'src', 'run-service.fixture.js');
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH, ASSAY_API_KEYS_FILE: keys, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output, ended: once(child, 'close').then(([code]) => code as number | null) };
}

async function listening(env: Record<string, string> = good): Promise<Run & { url: string }> {
  const process_run = run(env);
  const port = await eventually(
    () => {
      const [, found] = /"event":"started".*"port":(\d+)/.exec(process_run.output()) ?? [];
      expect(found).toBeDefined();
      return found;
    },
    { within_ms: 30_000 },
  );
  return { ...process_run, url: `http://127.0.0.1:${port}` };
}

describe('settings of a process', () => {
  it('judges the configuration with --check and ends', async () => {
    const { ended, output } = run(good, '--check');
    expect(await ended).toBe(0);
    expect(output()).toBe('OK\n');
  });

  it('names every fault at start and ends with 1, and repeats no secret', async () => {
    const { ended, output } = run({ ...good, ASSAY_MOOD: 'X', ASSAY_MODO: 'x', ASSAY_TOKEN: 'tangerine' });
    expect(await ended).toBe(1);
    expect(output().split('\n').filter(Boolean)).toEqual([
      'the configuration has 3 faults:',
      '  - ASSAY_MOOD: must match ^[a-z_]+$',
      '  - ASSAY_TOKEN: a reference to a secret is expected: env:NAME or file:/path or vault:mount/path#key',
      '  - ASSAY_MODO: no such setting; did you mean ASSAY_MOOD?',
    ]);
  });
});

describe('the probes of a process', () => {
  it('SEC-9.a answer on a port of their own, and on no other', async () => {
    const { child, ended, output, url } = await listening();
    const [, port] = /"event":"started".*"probe_port":(\d+)/.exec(output()) ?? [];
    const status = (path: string, base = `http://127.0.0.1:${port}`) => fetch(base + path).then((told) => told.status);
    for (const path of ['/livez', '/readyz', '/metrics']) {
      expect([path, await status(path), await status(path, url)]).toEqual([path, 200, 404]);
    }
    expect(await status('/v1/wait')).toBe(404);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await expect(status('/livez')).rejects.toThrow();
  });

  it('SEC-9.a answer where the settings say', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { ended, output } = run({ ...good, ASSAY_PROBE_PORT: String(port), ASSAY_PROBE_HOST: '127.0.0.1' });
    expect(await ended).toBe(1);
    expect(output()).toMatch(new RegExp(`EADDRINUSE.*127.0.0.1:${port}`));
    server.close();
    // RFC 5737: an address that no machine has.
    const elsewhere = run({ ...good, ASSAY_PROBE_HOST: '192.0.2.1' });
    expect(await elsewhere.ended).toBe(1);
    expect(elsewhere.output()).toMatch(/EADDRNOTAVAIL.*192\.0\.2\.1/);
  });
});

describe('the end of a process', () => {
  it('OPS-1.b, OPS-1.d answers what waits and closes its parts in order, within the grace', async () => {
    const { child, ended, output, url } = await listening();
    const waiting = fetch(`${url}/v1/wait`).then((answer) => answer.json());
    await eventually(() => expect(output()).toContain('waiting'));
    const begun = performance.now();
    child.kill('SIGTERM');
    expect(await waiting).toEqual({ answered: 'at shutdown' });
    expect(await ended).toBe(0);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(output()).toMatch(
      /work queue stopped\n(?:.*\n)*publisher closed\n(?:.*\n)*pool closed\n(?:.*\n)*.*"stopped"/,
    );
  });

  it('OPS-1.b ends the hard way when a part does not close within the grace', async () => {
    const { child, ended, output } = await listening({ ...good, ASSAY_MOOD: 'stuck', ASSAY_SHUTDOWN_GRACE_MS: '200' });
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
    expect(output()).toContain('"event":"stop_overdue"');
  });

  it('OPS-1.b stops in order, with code 1, when a part asks for it', async () => {
    const { ended, output, url } = await listening();
    await fetch(`${url}/v1/give-up`);
    expect(await ended).toBe(1);
    expect(output()).toContain('"reason":"cannot go on"');
    expect(output()).toContain('pool closed');
  });

  it('ends with 1 and a redacted log line on an error that nobody caught', async () => {
    const { ended, output, url } = await listening();
    await fetch(`${url}/v1/bug`);
    expect(await ended).toBe(1);
    expect(output()).toMatch(/"event":"programming_error".*uncaught_exception.*password=\[redacted\]/);
    expect(output()).not.toContain('tangerine');
  });

  it('OBS-3.b writes what the runtime warns of as a line of its log', async () => {
    const { output, url } = await listening();
    await fetch(`${url}/v1/warn`);
    const line = await eventually(() => {
      const found = output()
        .split('\n')
        .find((text) => text.includes('SpecWarning'));
      expect(found).toBeDefined();
      return found!;
    });
    expect(JSON.parse(line)).toMatchObject({ event: 'runtime_warning', level: 'warn', warning: 'SpecWarning' });
    expect(output()).not.toMatch(/tangerine|^\(node:/m);
  });

  it('says why a start failed, and ends with 1', async () => {
    const { ended, output } = run({ ...good, ASSAY_HTTP_HOST: '203.0.113.1' });
    expect(await ended).toBe(1);
    expect(output()).toMatch(/"event":"start_failed".*EADDRNOTAVAIL/);
  });
});

describe('commands', () => {
  it('OPS-2.a run by themselves in the environment of their service, and tell by their exit code', async () => {
    const fine = run(good, '--command');
    expect(await fine.ended).toBe(0);
    expect(fine.output()).toContain('tidied by spec-1');
    const failed = run(good, '--command', '--fail');
    expect(await failed.ended).toBe(1);
    expect(failed.output()).toMatch(/"event":"command_failed".*password=\[redacted\]/);
  });
});
