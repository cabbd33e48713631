/** One contender drains one backlog, in a process of its own; tells how fast, counted until the limit at the latest. */
import { CONTENDERS } from './contenders.js';
import type { ContenderName } from './contenders.js';

export interface DrainTask {
  contender: ContenderName;
  url: string;
  items: number;
  limit_ms: number;
}

export interface Drained {
  done: number;
  took_ms: number;
}

/** From the first batch on: how long a contender takes to start is not asked. */
async function drain({ contender, items, limit_ms, url }: DrainTask): Promise<void> {
  let [begun_at_ms, ended_at_ms, first, done] = [0, 0, 0, 0];
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const limit = setTimeout(end, limit_ms);
  const stop = await CONTENDERS[contender].drain(url, (more) => {
    if (more === 0) return;
    ended_at_ms = performance.now();
    begun_at_ms ||= ended_at_ms;
    first ||= more;
    done += more;
    if (done >= items) end();
  });
  await ended;
  clearTimeout(limit);
  const drained: Drained = { done: done - first, took_ms: ended_at_ms - begun_at_ms };
  // One that is far from the end of its backlog may take its time to stop.
  const tell = (): void => void process.send!(drained, () => process.exit(0));
  setTimeout(tell, 5_000);
  await stop();
  tell();
}

await drain(JSON.parse(process.argv[2]!) as DrainTask);
