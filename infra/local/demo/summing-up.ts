import { bold, heading, say, table } from '../terminal.js';
import type { DeadLetter } from './client.js';
import { paintState } from './following.js';
import type { Scene } from './scene.js';

/** Act 9: the whole of it in one table. */
export function summingUp(scene: Scene, letters: readonly DeadLetter[]): void {
  heading('9  All of it');
  const open = letters.filter(({ state }) => state !== 'resolved').length;
  const total = { dropped: 0, delivered: 0, replayed: 0 };
  const rows = scene.jobs.map((job) => {
    const channels = Object.values(job.deliveries.by_channel);
    const delivered = channels.reduce((sum, states) => sum + (states.sent ?? 0), 0);
    const own = letters.filter((letter) => letter.changelist_id === job.changelist_id).length;
    const { dropped = 0, kept = 0, submitted = 0 } = job.counts ?? {};
    total.replayed += job.generation;
    total.dropped += dropped;
    total.delivered += delivered;
    const numbers = [submitted, kept, dropped, delivered, own, job.generation].map(String);
    return [job.changelist_id, paintState(job.state), ...numbers];
  });
  table([['changelist', 'state', 'findings', 'kept', 'dropped', 'delivered', 'dead letters', 'replays'], ...rows]);
  say();
  say(
    `  ${bold(scene.jobs.length)} submitted, ${bold(total.delivered)} messages delivered, ` +
      `${bold(total.dropped)} findings dropped, ${bold(total.replayed)} replayed, ${bold(open)} dead letter open`,
  );
}
