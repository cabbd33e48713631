import { setTimeout as delay } from 'node:timers/promises';
import { bold, dim, heading, red, say, table } from '../terminal.js';
import { type DeadLetter, expectStatus, type Job } from './client.js';
import { follow } from './following.js';
import { replaying } from './replaying.js';
import type { Scene } from './scene.js';
import { readExample, type Submission } from './submitting.js';

/** What models do when nobody holds them to a contract. */
const CHATTER = 'Sure! Here is my review of the change:\n\n1. The retry loop looks risky …';
const LOOK_MS = 50;
const LOOKS = 200;

async function submit(scene: Scene, submission: Submission): Promise<void> {
  const key = { 'idempotency-key': `demo-${submission.changelist_id}-1` };
  const answer = await scene.submitter.post<Job>('/v1/reviews', submission, key);
  await follow(scene, expectStatus(answer, 202, 'the submission').job_id);
}

/** The dead letters' own consumer may be a moment behind the job's. */
async function deadLetters(scene: Scene, expected: number): Promise<DeadLetter[]> {
  for (let look = 1; ; look += 1) {
    const answer = await scene.operator.get<{ items: DeadLetter[] }>('/v1/dead-letters');
    const { items } = expectStatus(answer, 200, '/v1/dead-letters');
    if (items.length >= expected) return items;
    if (look === LOOKS) throw new Error(`${expected} dead letters were expected, ${items.length} came`);
    await delay(LOOK_MS);
  }
}

/** Act 6: what cannot succeed is kept for an operator, and replayed once its cause is gone. Returns the dead letters. */
export async function failing(scene: Scene): Promise<DeadLetter[]> {
  heading('6  What fails is kept, and replayed');
  const example = await readExample();
  say(`  changelist ${bold(4712)}: the review result is not JSON: ${dim(JSON.stringify(CHATTER))}`);
  await submit(scene, { ...example, changelist_id: 4712, review_result: CHATTER });
  say();
  say(`  changelist ${bold(4713)}: its webhook endpoint answers ${red('410 Gone')}`);
  await scene.behave('gone', { answer: 410 });
  const recipients = [...example.recipients.slice(0, 1), { channel: 'webhook', address: 'gone' }];
  await submit(scene, { ...example, changelist_id: 4713, recipients });
  say();
  say('  GET /v1/dead-letters');
  const letters = await deadLetters(scene, 2);
  table([
    ['changelist', 'stage', 'class', 'code', 'subject', 'state'],
    ...letters.map(({ changelist_id, code, error_class, stage, state, subject_id, subject_type }) => [
      changelist_id ?? '',
      stage,
      red(error_class),
      code,
      dim(`${subject_type} ${subject_id}`),
      state,
    ]),
  ]);
  const refused = letters.find(({ stage }) => stage === 'notify');
  if (refused === undefined) throw new Error('none of the dead letters is about a delivery');
  const replayed = await replaying(scene, refused);
  return letters.map((letter) => (letter.id === replayed.id ? replayed : letter));
}
