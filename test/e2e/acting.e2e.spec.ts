import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, startSystem, testRun, type TestSystem } from '@assay/testing';
import { aSubmission, type JobBody } from './submissions.fixture.js';

/** What failed once is tried again in an hour, and no circuit opens. */
const TUNING = {
  notifier: {
    ASSAY_NOTIFIER_QUICK_ATTEMPTS: '1',
    ASSAY_NOTIFIER_PATIENT_FIRST_MS: '3600000',
    ASSAY_NOTIFIER_CIRCUIT_FAILURES: '1000',
  },
};
const LIMIT_MS = 120_000;

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem({ tuning: TUNING });
}, LIMIT_MS);
afterAll(() => system.close(), LIMIT_MS);

async function assayctl(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const key_file = join(system.log_directory, 'operator.key');
  await writeFile(key_file, `${system.services.secrets.keys.operator}\n`, { mode: 0o600 });
  const [dead_letter, notifier] = (['dead-letter', 'notifier'] as const).map(
    (name) => system.services.of(name)[0]!.url,
  );
  const env = { PATH: process.env['PATH'], ASSAY_URL: dead_letter, ASSAY_NOTIFIER_URL: notifier };
  const main = join(testRun().build, 'bin', 'assayctl.js');
  const child = spawn(process.execPath, [main, ...args, '--key-file', key_file], { env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

interface Listed {
  items: { id: string; state: string; job_id: string; destination: string }[];
}

describe('assayctl deliveries, against the services', () => {
  it(
    'DEL-19.e, DEL-8.k finds what waits, says why, and sends it at once when its endpoint is back',
    async () => {
      await system.sinks.behave('gone', { answer: 404 });
      const recipients = [{ channel: 'webhook', address: 'gone' }];
      const { body } = await system.call('/v1/reviews', { body: aSubmission({ recipients }) });
      const { job_id } = body as JobBody;
      const waiting = await eventually(
        async () => {
          const listed = await assayctl('deliveries', 'list', '--job', job_id, '--state', 'retry_scheduled', '--json');
          const { items } = JSON.parse(listed.out) as Listed;
          expect(items).toHaveLength(1);
          return items[0]!;
        },
        { within_ms: 30_000 },
      );
      const table = await assayctl('deliveries', 'list', '--destination', waiting.destination, '--all');
      expect([table.code, table.out]).toEqual([0, expect.stringContaining(waiting.id)]);
      expect(table.out).toMatch(/retry_scheduled +webhook +gone .*http_404 +next\s+20/);
      const shown = (await assayctl('deliveries', 'show', waiting.id)).out;
      for (const text of [
        'retry_scheduled (http_404), 1 attempts',
        'webhook gone, by webhook:gone',
        'attempt_failed',
        '404',
      ]) {
        expect(shown).toContain(text);
      }

      await system.sinks.behave('gone', {});
      const reason = ['--reason', 'it is deployed'];
      const acted = await assayctl('deliveries', 'send-now', '--destination', 'webhook:gone', ...reason);
      expect([acted.code, acted.err]).toEqual([0, '']);
      expect(acted.out).toMatch(/^send_now destination webhook:gone: 1 due now \(act [0-9a-f-]{36}\)\n$/);
      const job = (await system.call(`/v1/reviews/${job_id}?wait_s=30`)).body as JobBody;
      expect(job).toMatchObject({ state: 'succeeded', deliveries: { by_channel: { webhook: { sent: 1 } } } });
      expect((await assayctl('deliveries', 'show', waiting.id)).out).toMatch(/state +sent, 2 attempts\n/);

      const again = await assayctl('deliveries', 'send-now', waiting.id, ...reason, '--json');
      expect([again.code, JSON.parse(again.out)]).toMatchObject([
        1,
        { state: 'refused', code: 'nothing_waits', deliveries: 0 },
      ]);
      const acts = await assayctl('deliveries', 'actions');
      expect(acts.out).toMatch(/1 due now +destination webhook:gone +it is deployed/);
      expect(acts.out).toContain('nothing_waits');
    },
    LIMIT_MS,
  );

  it(
    'DEL-17.c, DEL-19.e sends again what was sent: its job stays as it is, timeline and counts show it',
    async () => {
      const { body } = await system.call('/v1/reviews', {
        body: aSubmission({ recipients: [{ channel: 'webhook', address: 'ci-bot' }] }),
      });
      const { job_id } = body as JobBody;
      const before = (await system.call(`/v1/reviews/${job_id}?wait_s=30`)).body as JobBody;
      expect(before.state).toBe('succeeded');
      const listed = await assayctl('deliveries', 'list', '--job', job_id, '--json');
      const { id } = (JSON.parse(listed.out) as Listed).items[0]!;
      const acted = await assayctl('deliveries', 'send-again', id, '--reason', 'the channel was cleared', '--json');
      expect([acted.code, JSON.parse(acted.out)]).toMatchObject([0, { state: 'done', as: 'again', deliveries: 1 }]);
      const after = await eventually(async () => {
        const job = (await system.call(`/v1/reviews/${job_id}`)).body as JobBody;
        expect(job.timeline.at(-1)).toMatchObject({ service: 'notifier', cause: 'sent_again' });
        return job;
      });
      expect(after).toMatchObject({ state: 'succeeded', settled_at: before.settled_at });
      expect(after.deliveries.by_channel).toEqual({ webhook: { sent: 2 } });
      const [, second] = (await system.sinks.webhooks()).filter((one) => JSON.stringify(one).includes(job_id));
      expect(second).toBeDefined();
      const { delivery_id } = JSON.parse(acted.out) as { delivery_id: string };
      const shown = (await assayctl('deliveries', 'show', delivery_id)).out;
      expect(shown).toMatch(new RegExp(`repeats +${id}, for the 1. time`));
    },
    LIMIT_MS,
  );
});
