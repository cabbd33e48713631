import { setTimeout as delay } from 'node:timers/promises';
import { bold, dim, green, heading, red, say, table, yellow } from '../terminal.js';
import { type DeadLetter, expectStatus, type Job } from './client.js';
import type { Scene } from './scene.js';
import { readExample } from './submitting.js';

const ENDPOINT = 'team-chat';
const SUBMISSIONS = 5;
const FIRST_CHANGELIST = 6_000;
const LOOK_MS = 100;
const LOOKS = 600;

/** What the API tells of a job whose deliveries wait. */
interface WaitingJob extends Job {
  waits: { code: string; until: string } | null;
}

interface DestinationLetter extends DeadLetter {
  sanitized_context: { destination?: string; waiting_jobs?: string[]; answer?: { status: number } };
}

/** Act 8: one destination fails and heals, and no operator has to do anything. */
export async function waiting(scene: Scene): Promise<void> {
  heading('8  A destination fails, and heals');
  say(`  endpoint ${bold(ENDPOINT)} is being redeployed and answers ${red('404')}; ${SUBMISSIONS} submissions for it`);
  await scene.behave(ENDPOINT, { answer: 404 });
  const example = await readExample();
  const job_ids: string[] = [];
  for (let n = 0; n < SUBMISSIONS; n += 1) {
    const submission = {
      ...{ ...example, changelist_id: FIRST_CHANGELIST + n },
      recipients: [{ channel: 'webhook', address: ENDPOINT }],
    };
    const key = { 'idempotency-key': `demo-${submission.changelist_id}-1` };
    const answer = await scene.submitter.post<Job>('/v1/reviews', submission, key);
    job_ids.push(expectStatus(answer, 202, 'the submission').job_id);
  }
  const waits = await until(
    () => jobs(scene, job_ids),
    (each) => each.every((job) => job.waits !== null),
  );
  const letter = await until(
    () => letterOf(scene),
    (found) => found !== undefined,
  );
  show(waits, letter!);
  await scene.behave(ENDPOINT, {});
  say(`  ${bold(ENDPOINT)} is back; nobody does anything`);
  const ended = await until(
    () => jobs(scene, job_ids),
    (each) => each.every((job) => job.state === 'succeeded'),
  );
  const resolved = await until(
    () => letterOf(scene),
    (found) => found?.state === 'resolved',
  );
  say(
    `  ${green('✓')} ${ended.length} jobs succeeded, each attempt at its own time, and the dead letter is ${resolved!.state}`,
  );
}

function show(waits: readonly WaitingJob[], { code, sanitized_context, state, subject_type }: DestinationLetter): void {
  const [job] = waits;
  table([
    ['asked', 'answer'],
    [
      `GET /v1/reviews/${dim(job!.job_id)}`,
      `${yellow(job!.state)}, waits for ${job!.waits!.code} until ${job!.waits!.until} at the latest`,
    ],
    [
      'GET /v1/dead-letters',
      `one for all that waits: ${subject_type} ${sanitized_context.destination}, ${red(code)}, ${state}`,
    ],
  ]);
}

async function jobs(scene: Scene, ids: readonly string[]): Promise<WaitingJob[]> {
  const answers = ids.map((id) => scene.submitter.get<WaitingJob>(`/v1/reviews/${id}`));
  return (await Promise.all(answers)).map((answer) => expectStatus(answer, 200, 'the job'));
}

async function letterOf(scene: Scene): Promise<DestinationLetter | undefined> {
  const answer = await scene.operator.get<{ items: DestinationLetter[] }>('/v1/dead-letters');
  const { items } = expectStatus(answer, 200, '/v1/dead-letters');
  const listed = items.find(({ subject_type }) => subject_type === 'destination');
  if (listed === undefined) return undefined;
  const path = `/v1/dead-letters/${listed.id}`;
  return expectStatus(await scene.operator.get<DestinationLetter>(path), 200, path);
}

async function until<T>(look: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
  for (let looks = 1; ; looks += 1) {
    const found = await look();
    if (holds(found)) return found;
    if (looks === LOOKS) throw new Error(`not after ${(LOOKS * LOOK_MS) / 1_000} s: ${JSON.stringify(found)}`);
    await delay(LOOK_MS);
  }
}
