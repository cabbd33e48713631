import { setTimeout as delay } from 'node:timers/promises';
import { bold, dim, green, heading, note, red, say } from '../terminal.js';
import { expectStatus, type Job } from './client.js';
import type { Scene } from './scene.js';
import { readExample, type Submission } from './submitting.js';

const SUBMISSIONS = 60;
const FIRST_CHANGELIST = 5_000;
/** Of these webhooks so many have come when the notifier dies: it is amid the others. */
const BEFORE_THE_KILL = 10;
const LOOK_MS = 5;
const WAIT_S = 60;

/** Act 7: a service dies without warning while it tells people, and everybody is told once. */
export async function surviving(scene: Scene): Promise<void> {
  heading('7  A service is killed without warning');
  const example = await readExample();
  const since = performance.now();
  const accepted = await Promise.all(
    Array.from({ length: SUBMISSIONS }, (_, n) => submit(scene, example, FIRST_CHANGELIST + n)),
  );
  const job_ids = new Set(accepted.map(({ job_id }) => job_id));
  say(`  ${bold(SUBMISSIONS)} submissions accepted, each for one webhook`);
  while ((await webhooksOf(scene, job_ids)).length < BEFORE_THE_KILL) await delay(LOOK_MS);
  const pid = scene.kill('notifier');
  const told = new Set((await webhooksOf(scene, job_ids)).map(({ id }) => id)).size;
  say(`  ${red('SIGKILL')} notifier ${dim(`(process ${pid})`)}, ${told} webhooks have come; it is started again`);
  const jobs = await Promise.all(accepted.map((job) => ended(scene, job.job_id)));
  const webhooks = await webhooksOf(scene, job_ids);
  const ids = new Set(webhooks.map(({ id }) => id));
  const succeeded = jobs.filter(({ state }) => state === 'succeeded').length;
  if (succeeded !== SUBMISSIONS || ids.size !== SUBMISSIONS) {
    throw new Error(`${succeeded} jobs succeeded and ${ids.size} webhooks came, of ${SUBMISSIONS}`);
  }
  const took_s = ((performance.now() - since) / 1_000).toFixed(1);
  say(`  ${green('✓')} ${succeeded} jobs succeeded, ${ids.size} webhooks under ${ids.size} ids, after ${took_s} s`);
  const again = webhooks.length - ids.size;
  note(`what was being sent came again under the same webhook-id, by which a receiver knows it: ${again}`);
}

async function submit(scene: Scene, example: Submission, changelist_id: number): Promise<Job> {
  const submission = { ...example, changelist_id, recipients: [{ channel: 'webhook', address: 'ci-bot' }] };
  const key = { 'idempotency-key': `demo-${changelist_id}-1` };
  return expectStatus(await scene.submitter.post<Job>('/v1/reviews', submission, key), 202, 'the submission');
}

async function ended(scene: Scene, job_id: string): Promise<Job> {
  const path = `/v1/reviews/${job_id}`;
  const job = expectStatus(await scene.submitter.get<Job>(`${path}?wait_s=${WAIT_S}`), 200, path);
  if (job.settled_at === null) throw new Error(`job ${job_id} is still ${job.state} after ${WAIT_S} s`);
  return job;
}

async function webhooksOf(scene: Scene, job_ids: ReadonlySet<string>): Promise<{ id: string }[]> {
  return (await scene.webhooks()).flatMap(({ body, headers }) => {
    const { data } = JSON.parse(body) as { data: { job_id: string } };
    return job_ids.has(data.job_id) ? [{ id: headers['webhook-id'] ?? '' }] : [];
  });
}
