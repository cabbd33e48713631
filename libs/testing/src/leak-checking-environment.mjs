// A test file that leaves something open fails. Without this Jest warns at most, and then kills its worker.
import { setTimeout as delay } from 'node:timers/promises';
import { TestEnvironment } from 'jest-environment-node';

/** What keeps a process alive and is ours to close; timers of Jest itself are among the rest, hence not `Timeout`. */
const WATCHED = new Set(['TCPSocketWrap', 'TCPServerWrap', 'PipeServerWrap', 'ProcessWrap', 'FSEventWrap', 'UDPWrap']);
/** A closed socket leaves the list a few turns of the loop later; a process once it has been reaped. */
const GRACE_MS = 3_000;
const POLL_MS = 20;

function openResources() {
  const counts = new Map();
  for (const name of process.getActiveResourcesInfo()) {
    if (WATCHED.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function leaks(before) {
  return [...openResources()]
    .map(([name, count]) => [name, count - (before.get(name) ?? 0)])
    .filter(([, count]) => count > 0);
}

/** Ends what a failed file left, so that the run itself can end; a left process would outlive it. */
function end(handle) {
  if (typeof handle.kill === 'function') handle.kill('SIGKILL');
  else if (typeof handle.destroy === 'function') handle.destroy();
  else if (typeof handle.close === 'function') handle.close();
}

export default class LeakCheckingEnvironment extends TestEnvironment {
  #before = openResources();
  #handles = new Set(process._getActiveHandles());
  #failed = false;

  handleTestEvent({ name }) {
    if (name === 'test_fn_failure' || name === 'hook_failure') this.#failed = true;
  }

  async teardown() {
    const deadline = performance.now() + GRACE_MS;
    while (leaks(this.#before).length > 0 && performance.now() < deadline) await delay(POLL_MS);
    const left = leaks(this.#before);
    await super.teardown();
    if (left.length === 0) return;
    for (const handle of process._getActiveHandles()) if (!this.#handles.has(handle)) end(handle);
    // A test that failed has not come to its end, where it closes things: why it failed would be hidden by this.
    if (this.#failed) return;
    throw new Error(`this test file left open: ${left.map(([name, count]) => `${count} ${name}`).join(', ')}`);
  }
}
