import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { runningStack, stackFile } from './stack-file.js';
import { say, step } from './terminal.js';

const POLL_MS = 50;

/** `npm run stack:down`: ends the stack that `stack:up` or `demo -- --keep` left running. */
export async function main(): Promise<void> {
  const running = runningStack();
  if (running === null) {
    say('  no stack of this clone is running');
    return;
  }
  await step('stopping the stack', async () => {
    process.kill(running.pid, 'SIGTERM');
    while (runningStack() !== null) await delay(POLL_MS);
  });
  rmSync(stackFile(), { force: true });
}
