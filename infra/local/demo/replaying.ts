import { setTimeout as delay } from 'node:timers/promises';
import { bold, dim, green, note, red, say, table } from '../terminal.js';
import { type DeadLetter, expectStatus, type Plan, type PlanItem } from './client.js';
import { followReplay } from './following.js';
import type { Scene } from './scene.js';

const LOOK_MS = 50;
const LOOKS = 400;

/** What an operator does about the dead letter whose endpoint is there again. Returns it as it stands in the end. */
export async function replaying(scene: Scene, letter: DeadLetter): Promise<DeadLetter> {
  say();
  say(`  the owner of endpoint ${bold('gone')} has set it up again; an operator replays what it had refused`);
  await scene.behave('gone', {});
  const path = `/v1/dead-letters/${letter.id}`;
  const evidence = { type: 'ticket', reference: 'OPS-17', text: 'the owner of the endpoint has set it up again' };
  const wanted = { dead_letter_ids: [letter.id], action: 'replay', reason: 'OPS-17' };
  const { operator } = scene;
  const bare = await operator.post<{ code: string }>('/v1/replay-plans', wanted);
  const triaged = expectStatus(await operator.post<DeadLetter>(`${path}/triage`, {}), 200, 'triage');
  expectStatus(await operator.post(`${path}/evidence`, evidence), 201, 'evidence');
  const remediated = expectStatus(await operator.get<DeadLetter>(path), 200, path);
  const plan = expectStatus(await operator.post<Plan>('/v1/replay-plans', wanted), 201, 'the plan');
  const execute = `/v1/replay-plans/${plan.id}/execute`;
  const executed = expectStatus(await operator.post<Plan>(execute, {}), 200, execute);
  const twice = await operator.post<{ code: string }>(execute, {});
  table([
    ['request', 'status', ''],
    ['POST /v1/replay-plans', red(bare.status), bare.body.code],
    ['POST …/triage', green(200), `the dead letter is ${triaged.state}`],
    ['POST …/evidence', green(201), `${evidence.type} ${evidence.reference}: it is ${remediated.state}`],
    ['POST /v1/replay-plans', green(201), `plan ${dim(plan.id)}, ${progressOf(plan)}`],
    ['POST …/execute', green(200), `the plan is ${executed.state}`],
    ['POST …/execute again', red(twice.status), twice.body.code],
  ]);
  await over(scene, plan.id);
  return outcome(scene, plan.id, letter);
}

async function outcome(scene: Scene, plan_id: string, { id, job_id }: DeadLetter): Promise<DeadLetter> {
  say();
  const job = await followReplay(scene, job_id ?? '');
  const items = await scene.operator.get<{ items: PlanItem[] }>(`/v1/replay-plans/${plan_id}/items`);
  const [item] = expectStatus(items, 200, 'the items').items;
  const letter = expectStatus(await scene.operator.get<DeadLetter>(`/v1/dead-letters/${id}`), 200, 'the dead letter');
  const told = (await scene.webhooks()).filter(
    ({ body, endpoint }) => endpoint === 'gone' && body.includes(job.job_id),
  );
  const accepted = told.filter(({ answered }) => answered !== 410);
  say();
  say(
    `  ${green('✓')} verified: the item is ${item?.state}, the dead letter ${letter.state}, ` +
      `the job ${job.state} in generation ${job.generation}; the endpoint has taken ${accepted.length} webhook`,
  );
  const mails = (await scene.mails()).filter(({ text }) => text.includes(job.job_id));
  note(`what had been delivered before was not delivered again: ${mails.length} mail`);
  return letter;
}

/** The plan, once every item of it has an outcome. */
async function over(scene: Scene, id: string): Promise<Plan> {
  const path = `/v1/replay-plans/${id}`;
  for (let look = 1; ; look += 1) {
    const plan = expectStatus(await scene.operator.get<Plan>(path), 200, path);
    if (plan.state === 'completed') return plan;
    if (look === LOOKS) throw new Error(`plan ${id} is still ${plan.state}: ${progressOf(plan)}`);
    await delay(LOOK_MS);
  }
}

function progressOf({ progress, state }: Plan): string {
  const items = Object.entries(progress).map(([item_state, count]) => `${count} ${item_state}`);
  return `${state}: ${items.join(', ')}`;
}
