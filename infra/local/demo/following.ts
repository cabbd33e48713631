import { setTimeout as delay } from 'node:timers/promises';
import { clip, cyan, dim, green, padTo, red, say, yellow } from '../terminal.js';
import { expectStatus, type Hop, type Job } from './client.js';
import type { Scene } from './scene.js';

/** How often the timeline is looked at while the job is under way; a caller that wants the end alone asks once. */
const LOOK_MS = 40;
const WAIT_S = 30;

type FollowedJob = Job & { timeline: Hop[] };

export function paintState(state: string): string {
  if (state === 'succeeded') return green(state);
  if (state === 'failed') return red(state);
  return state === 'retryable_failed' ? yellow(state) : cyan(state);
}

function printHop(hop: Hop, accepted_at: string): void {
  const after_ms = `+${Date.parse(hop.at) - Date.parse(accepted_at)} ms`;
  const move = hop.to === null ? '' : `→ ${paintState(hop.to)}`;
  const attempt = hop.attempt === null ? '' : ` attempt ${hop.attempt}`;
  const why = clip(`${hop.cause}${hop.code === null ? '' : ` (${hop.code})`}${attempt}`, 60);
  say(`  ${padTo(after_ms, 9)} ${padTo(hop.service, 10)} ${padTo(hop.event, 20)} ${padTo(move, 18)} ${dim(why)}`);
}

/**
 * Shows the steps of a job as they come, until it is terminal: one request waits for the end (`wait_s`), quick looks in
 * between show what it passes through.
 */
export async function follow(scene: Scene, job_id: string): Promise<FollowedJob> {
  const path = `/v1/reviews/${job_id}`;
  let shown = 0;
  let over = false;
  const show = (job: FollowedJob): void => {
    for (const hop of job.timeline.slice(shown)) printHop(hop, job.accepted_at);
    shown = job.timeline.length;
  };
  const end = scene.submitter.get<FollowedJob>(`${path}?wait_s=${WAIT_S}`).finally(() => (over = true));
  while (!over) {
    await Promise.race([end, delay(LOOK_MS)]);
    if (!over) show(expectStatus(await scene.submitter.get<FollowedJob>(path), 200, path));
  }
  const job = expectStatus(await end, 200, path);
  show(job);
  if (job.settled_at === null) throw new Error(`job ${job_id} is still ${job.state} after ${WAIT_S} s`);
  scene.jobs.push(job);
  return job;
}

/** A job that was replayed, at the end of its new generation; shows the steps since it was last seen. */
export async function followReplay(scene: Scene, job_id: string): Promise<FollowedJob> {
  const path = `/v1/reviews/${job_id}`;
  const index = scene.jobs.findIndex((job) => job.job_id === job_id);
  const before = scene.jobs[index];
  for (let look = 1; ; look += 1) {
    const job = expectStatus(await scene.submitter.get<FollowedJob>(path), 200, path);
    if (job.settled_at !== null && job.generation > (before?.generation ?? 0)) {
      for (const hop of job.timeline.slice(before?.timeline.length)) printHop(hop, job.accepted_at);
      scene.jobs[index] = job;
      return job;
    }
    if (look === (WAIT_S * 1_000) / LOOK_MS) throw new Error(`job ${job_id} is still ${job.state} after its replay`);
    await delay(LOOK_MS);
  }
}
