import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSystem, type TestSystem } from '@assay/testing';

const LIMIT_MS = 120_000;
const root = join(import.meta.dirname, '..', '..');

let system: TestSystem;
let directory: string;

beforeAll(async () => {
  system = await startSystem({});
  directory = await mkdtemp(join(tmpdir(), 'assay-readme-'));
}, LIMIT_MS);
afterAll(async () => {
  await system.close();
  await rm(directory, { recursive: true, force: true });
}, LIMIT_MS);

/** The commands as they stand there. */
async function commandsOf(heading: string): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const [, section] = readme.split(`## ${heading}\n`);
  return /```sh\n([\s\S]*?)```/.exec(section!)![1]!;
}

describe('the README', () => {
  it(
    'has five minutes with curl that show what it says they do',
    async () => {
      const { services } = system;
      const received = `http://127.0.0.1:${services.sink_ports.control_port}`;
      const urlOf = (service: 'ingest' | 'validator' | 'dead-letter') => services.of(service)[0]!.url;
      const env = {
        ...{ PATH: process.env['PATH'], INGEST: urlOf('ingest'), VALIDATOR: urlOf('validator') },
        ...{ DEAD_LETTER: urlOf('dead-letter'), RECEIVED: received },
        ...{ SUBMITTER: services.secrets.keys.submitter, OPERATOR: services.secrets.keys.operator },
      };
      const run = promisify(execFile);
      const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', await commandsOf('Five minutes with curl')], {
        ...{ cwd: directory, env },
      });
      for (const told of [
        '"outcome":"accepted"',
        '"state":"succeeded"',
        '"kept":1',
        'Rounds twice',
        'file_not_in_changed_files',
        'dana@example.com',
        'webhook-signature',
        '"hook":"reviews"',
        '"items":[]',
      ])
        expect(stdout).toContain(told);
      expect(stdout).not.toContain('urn:assay:problem');
    },
    LIMIT_MS,
  );
});
