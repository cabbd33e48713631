import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { assayctl } from './assayctl.js';

async function run(args: string[], env: Record<string, string> = {}, files: Record<string, string> = {}) {
  let [out, err] = ['', ''];
  const code = await assayctl(args, {
    read: (file) => {
      if (!Object.hasOwn(files, file)) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return Buffer.from(files[file]!);
    },
    run: () => {
      throw new Error('no other program is needed');
    },
    out: (text) => (out += text),
    err: (text) => (err += text),
    env,
    colour: false,
    columns: 100,
  });
  return { code, out, err };
}

/** Nothing listens there. */
const NOWHERE = { ASSAY_URL: 'http://127.0.0.1:1', ASSAY_API_KEY: 'key' };

describe('assayctl for operators', () => {
  it.each<[string, string[], Record<string, string>, RegExp]>([
    ['no subcommand', ['dead-letters'], NOWHERE, /one of list, show, triage, evidence, discard, end-replay, incidents/],
    ['an unknown subcommand', ['replay', 'frob'], NOWHERE, /one of plan, execute, pause, resume, cancel, status/],
    ['an unknown option', ['dead-letters', 'list', '--colour', 'red'], NOWHERE, /--colour/],
    ['no place', ['dead-letters', 'list'], { ASSAY_API_KEY: 'key' }, /--url, or ASSAY_URL/],
    ['a place that is none', ['dead-letters', 'list', '--url', 'ftp://x'], NOWHERE, /no http URL/],
    ['no key', ['dead-letters', 'list'], { ASSAY_URL: 'http://x' }, /--key-file, or ASSAY_API_KEY/],
    [
      'a key file that is not there',
      ['dead-letters', 'list', '--key-file', 'k'],
      NOWHERE,
      /k cannot be read \(ENOENT\)/,
    ],
    [
      'a key of several lines',
      ['dead-letters', 'list'],
      { ...NOWHERE, ASSAY_API_KEY: 'a\nb' },
      /characters that no key/,
    ],
    ['no id', ['dead-letters', 'show'], NOWHERE, /argument is missing/],
    ['a discard without a reason', ['dead-letters', 'discard', 'x'], NOWHERE, /--reason/],
    ['an end of a replay without a reason', ['dead-letters', 'end-replay', 'x'], NOWHERE, /--reason/],
    ['a fact that is none', ['dead-letters', 'evidence', 'x', 'note', 'text'], NOWHERE, /not NAME=VALUE/],
    ['a plan of nothing', ['replay', 'plan'], NOWHERE, /ids of dead letters, or filters/],
    ['a plan of two kinds', ['replay', 'plan', 'x', '--stage', 'notify'], NOWHERE, /ids of dead letters, or filters/],
    ['a recipient that is none', ['replay', 'plan', 'x', '--recipient', 'dana'], NOWHERE, /not CHANNEL:ADDRESS/],
    ['no place of deliveries', ['deliveries', 'list'], NOWHERE, /--url, or ASSAY_NOTIFIER_URL/],
    ['a delivery without an id', ['deliveries', 'show'], NOWHERE, /argument is missing/],
    ['a sending without a reason', ['deliveries', 'send-now', 'x'], NOWHERE, /--reason/],
    ['a sending of nothing', ['deliveries', 'send-now', '--reason', 'x'], NOWHERE, /say what: a delivery/],
    [
      'a sending of two things',
      ['deliveries', 'send-now', 'x', '--job', 'y', '--reason', 'z'],
      NOWHERE,
      /say what: a delivery/,
    ],
    ['a rate that is none', ['replay', 'plan', 'x', '--rate', 'fast'], NOWHERE, /no number/],
  ])('DLQ-14.c answers 2 for %s, and says what is wrong', async (_title, args, env, message) => {
    const { code, out, err } = await run(args, env);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it('DLQ-14.c answers 1 where the service cannot be reached', async () => {
    const { code, err } = await run(['dead-letters', 'list'], NOWHERE);
    expect([code, err]).toEqual([1, expect.stringMatching(/127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/)]);
  });

  it('goes on with a list when the service says that it asks too often', async () => {
    const asked: number[] = [];
    const server = createServer((_request, response) => {
      asked.push(performance.now());
      if (asked.length === 1) response.writeHead(429, { 'retry-after': '1' }).end('{"code":"rate_limited"}');
      else response.writeHead(200).end('{"items":[],"next_cursor":null}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const args = ['dead-letters', 'list', '--json'];
    const { code, out } = await run(args, { ...NOWHERE, ASSAY_URL: `http://127.0.0.1:${port}` });
    server.closeAllConnections();
    server.close();
    expect([code, JSON.parse(out)]).toEqual([0, { items: [], next_cursor: null }]);
    expect(asked).toHaveLength(2);
    expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(990);
  });

  it('takes no key on the command line, where every process list would show it', async () => {
    expect(await run(['dead-letters', 'list', '--key', 'secret'], NOWHERE)).toMatchObject({ code: 2 });
    const { code } = await run(['dead-letters', 'list', '--key-file', 'k'], NOWHERE, { k: 'from-a-file\n' });
    expect(code).toBe(1);
  });

  it('tells the arguments of each subcommand', async () => {
    const { out } = await run(['replay', '--help']);
    for (const name of ['plan', 'execute', 'pause', 'resume', 'cancel', 'status']) {
      expect(out).toContain(`\n  replay ${name} `);
    }
  });
});

describe('assayctl completion', () => {
  /** What bash itself offers for a line whose last word is being typed. */
  async function offered(...line: string[]): Promise<string[]> {
    const { out } = await run(['completion', 'bash']);
    const words = line.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; _assayctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', `${out}\n${ask}`], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter(Boolean);
  }

  it('DLQ-14.d completes commands, subcommands and options in bash', async () => {
    expect(await offered('assayctl', '')).toEqual(
      expect.arrayContaining(['validate', 'dead-letters', 'replay', 'deliveries']),
    );
    expect(await offered('assayctl', 'dead')).toEqual(['dead-letters']);
    expect(await offered('assayctl', 'replay', '')).toEqual(['plan', 'execute', 'pause', 'resume', 'cancel', 'status']);
    expect(await offered('assayctl', 'replay', 'execute', 'x', '--w')).toEqual(['--watch']);
    expect(await offered('assayctl', 'dead-letters', 'list', '--key')).toEqual(['--key-file']);
    expect(await offered('assayctl', 'validate', '--')).toContain('--policy');
    expect(await offered('assayctl', 'completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh']));
  });

  it('DLQ-14.d offers zsh the same words', async () => {
    const { code, out } = await run(['completion', 'zsh']);
    expect(code).toBe(0);
    expect(out).toMatch(/^#compdef assayctl\n/);
    expect(out).toContain('"replay execute"*) compadd -- --watch');
    expect(await run(['completion', 'fish'])).toMatchObject({ code: 2 });
  });
});
