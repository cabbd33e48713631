import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startSystem, type TestSystem } from '@assay/testing';
import { Agent, request } from 'undici';
import { aSubmission } from './submissions.fixture.js';

const LIMIT_MS = 180_000;
const CALLERS = 128;
/** Of each second ingest runs this much, as on a machine with far too much to do. */
const RUNS_MS = 50;
const STARVED_S = 25;

let system: TestSystem;
const callers = new Agent({ connections: CALLERS });
beforeAll(async () => {
  system = await startSystem();
}, LIMIT_MS);
afterAll(async () => {
  await callers.destroy();
  await system.close();
}, LIMIT_MS);

async function submit(): Promise<number> {
  const recipients = [{ channel: 'webhook', address: 'ci-bot' }];
  const { statusCode, body } = await request(`${system.services.of('ingest')[0]!.url}/v1/reviews`, {
    method: 'POST',
    dispatcher: callers,
    headers: {
      authorization: `Bearer ${system.services.secrets.keys.submitter}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(aSubmission({ changed_files: ['src/core/retry.ts'], recipients })),
  });
  await body.dump();
  return statusCode;
}

/** What has failed for want of an answer, or of a connection, by what ingest tells. */
async function failures(): Promise<string[]> {
  const lines = (await readFile(system.services.of('ingest')[0]!.log_file, 'utf8')).trimEnd().split('\n');
  return lines.filter((line) => /"(code|error)":"\[?postgres_/.test(line));
}

/** Lets ingest run for a moment of each second; that is the fault, not something to wait for. */
async function starve(for_s: number): Promise<void> {
  const ingest = system.services.of('ingest')[0]!.process;
  for (let second = 0; second < for_s; second += 1) {
    ingest.kill('SIGSTOP');
    await pause(1_000 - RUNS_MS);
    ingest.kill('SIGCONT');
    await pause(RUNS_MS);
  }
}

describe('an ingest that hardly gets a processor while callers press on', () => {
  it(
    'GEN-10.a keeps its connections to Postgres, and is itself again as soon as it runs',
    async () => {
      let over = false;
      const pressing = Array.from({ length: CALLERS }, async () => {
        while (!over) await submit();
      });
      try {
        await starve(STARVED_S);
        await eventually(async () => expect(await submit()).toBe(202));
        const { status } = await fetch(`${system.services.of('ingest')[0]!.probes_url}/readyz`);
        expect({ status, failures: await failures() }).toEqual({ status: 200, failures: [] });
      } finally {
        over = true;
        await Promise.all(pressing);
      }
    },
    LIMIT_MS,
  );
});
