import { Pool } from 'undici';

export interface Target {
  origin: string;
  path: string;
  headers: Record<string, string>;
}

export interface Posted {
  changelist_id: string;
  /** Host time, for a comparison with another process of this machine. */
  sent_at_ms: number;
}

type Body = (changelist_id: string) => string;

async function post(pool: Pool, target: Target, body: Body, changelist_id: string): Promise<Posted> {
  const text = body(changelist_id);
  const sent_at_ms = performance.timeOrigin + performance.now();
  const answer = await pool.request({
    method: 'POST',
    path: target.path,
    headers: { 'content-type': 'application/json', 'idempotency-key': `bench-${changelist_id}`, ...target.headers },
    body: text,
  });
  if (answer.statusCode >= 300) throw new Error(`${answer.statusCode}: ${await answer.body.text()}`);
  await answer.body.dump();
  return { changelist_id, sent_at_ms };
}

/** Closed loop: each caller posts its next as soon as its last was answered. */
export async function closedLoop(
  target: Target,
  body: Body,
  ids: readonly string[],
  callers: number,
): Promise<Posted[]> {
  const pool = new Pool(target.origin, { connections: callers });
  const posted: Posted[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < ids.length) posted.push(await post(pool, target, body, ids[next++]!));
  };
  try {
    await Promise.all(Array.from({ length: callers }, caller));
  } finally {
    await pool.close();
  }
  return posted;
}

/** Open loop: one post every `interval_ms`, whether or not the ones before have been answered. */
export async function openLoop(
  target: Target,
  body: Body,
  ids: readonly string[],
  interval_ms: number,
): Promise<Posted[]> {
  const pool = new Pool(target.origin, { connections: 64 });
  const begun_at_ms = performance.now();
  const posts: Promise<Posted>[] = [];
  try {
    for (const [index, id] of ids.entries()) {
      const wait_ms = begun_at_ms + index * interval_ms - performance.now();
      // eslint-disable-next-line no-restricted-syntax -- a fixed rate is what an open loop is
      if (wait_ms > 0) await new Promise((resolve) => setTimeout(resolve, wait_ms));
      posts.push(post(pool, target, body, id));
    }
    return await Promise.all(posts);
  } finally {
    await pool.close();
  }
}
