import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ReviewValidated } from '@assay/contracts';
import { eventually } from '@assay/testing';
import { NotifierFixture } from '../notifier.fixture.js';
import { aFinding } from '../rendering/example-input.fixture.js';

const RECIPIENTS = 100;
const REVIEW_BYTES = 2 * 1024 * 1024;
/** How long each receiver takes: for so long they are all under way at once, as far as they may be. */
const ANSWER_MS = 250;
const ADDED_MIB = 96;

let notifier: NotifierFixture;
beforeEach(async () => (notifier = await NotifierFixture.open()));
afterEach(() => notifier.close());

/** However slow the machine: what is sent again is sent from memory once more. */
const PATIENT = {
  ASSAY_LEASE_MS: '90000',
  ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '40000',
  ASSAY_SHUTDOWN_GRACE_MS: '50000',
};

async function sent({ job_id }: ReviewValidated): Promise<number> {
  const [row] = await notifier.database.sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM deliveries WHERE job_id = $1 AND state = 'sent'`,
    [job_id],
  );
  return row!.n;
}

/** Peak of the resident set so far, MiB. */
async function peakMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) / 1024;
}

it('WQ-11.f tells 100 recipients of a review of 2 MiB in little more memory than one rendering takes, each the same bytes', async () => {
  const names = Array.from({ length: RECIPIENTS }, (_, n) => `receiver-${n}`);
  await notifier.addEndpoints(names);
  const bodies = new Set<string>();
  let told = 0;
  notifier.bot.behave((response, { body }) => {
    told += 1;
    bodies.add(createHash('sha256').update(body).digest('hex'));
    // The receiver is to keep none of them: it would need 200 MiB.
    notifier.bot.received.length = 0;
    setTimeout(() => response.writeHead(204).end(), ANSWER_MS);
  });
  const child = await notifier.spawn(PATIENT);
  const idle_mib = await peakMib(child.pid!);

  const message = 'The last element is never read. '.repeat(128);
  const count = Math.floor(REVIEW_BYTES / (message.length + 120));
  const findings = Array.from({ length: count }, (_, n) => aFinding({ id: `F-${n}`, message }));
  const result = { schema_version: '1.0', prompt_version: '2.1.0', findings };
  const recipients = names.map((address) => ({ channel: 'webhook' as const, address }));
  const review = await notifier.tell(recipients, { result });
  await eventually(async () => expect(await sent(review)).toBe(RECIPIENTS), { within_ms: 100_000 });

  expect(told).toBe(RECIPIENTS);
  expect(bodies.size).toBe(1);
  expect((await peakMib(child.pid!)) - idle_mib).toBeLessThan(ADDED_MIB);
}, 180_000);
