import { join } from 'node:path';
import { failing } from './demo/failing.js';
import { judging } from './demo/judging.js';
import { mending } from './demo/mending.js';
import { Scene } from './demo/scene.js';
import { settling } from './demo/settling.js';
import { submitting } from './demo/submitting.js';
import { summingUp } from './demo/summing-up.js';
import { surviving } from './demo/surviving.js';
import { telling } from './demo/telling.js';
import { waiting } from './demo/waiting.js';
import { StackHost } from './host-client.js';
import { localDirectory, runningStack, writeStackFile } from './stack-file.js';
import { printStack } from './stack-summary.js';
import { heading, red, say, step } from './terminal.js';

const INTERRUPTED = 130;
/** Nobody likes to watch the 30 s that ship until a killed process's leases and its place in the group have ended. */
const QUICK_TAKEOVER = {
  all: {
    ASSAY_LEASE_MS: '5000',
    ASSAY_SWEEP_INTERVAL_MS: '1000',
    ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000',
    ASSAY_POSTGRES_STATEMENT_TIMEOUT_MS: '2000',
  },
  notifier: { ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '2000' },
};

async function play(scene: Scene): Promise<void> {
  await scene.downstream.start();
  try {
    const job_id = await submitting(scene);
    await judging(scene, job_id);
    await telling(scene);
    await settling(scene, job_id);
    await mending(scene);
    const letters = await failing(scene);
    await surviving(scene);
    await waiting(scene);
    summingUp(scene, letters);
  } finally {
    await scene.downstream.stop();
  }
}

/** The stack of the demo: free ports, files of its own, so that it runs beside anything else. */
function launch(signal: AbortSignal, secure: boolean): Promise<StackHost> {
  const local = localDirectory();
  const options = {
    secure,
    services: { state_directory: join(local, `demo-${process.pid}`), tuning: QUICK_TAKEOVER },
    durable: true,
    log_directory: join(local, 'logs', 'demo'),
  };
  const build = join(import.meta.dirname, '..', '..');
  const how = secure ? 'Kafka by SASL_SSL with ACLs, Postgres by verified TLS' : 'Kafka, Postgres';
  return step(`${how}, topics, tables, the four services, and receivers of four kinds`, (progress) =>
    StackHost.launch(build, options, progress, signal),
  );
}

const FLAGS = ['--keep', '--secure'];

/** `npm run demo [-- --keep --secure]`: the main job, from a reviewer's output to those concerned, on a real stack. */
export async function main(args: string[]): Promise<void> {
  const keep = args.includes('--keep');
  const unknown = args.filter((arg) => !FLAGS.includes(arg));
  const running = keep ? runningStack() : null;
  if (unknown.length > 0 || running !== null) {
    const fault =
      running === null
        ? `unknown: ${unknown.join(' ')}; there are ${FLAGS.join(' and ')}`
        : 'a stack runs already; npm run stack:down first';
    say(red(`  ${fault}`));
    process.exitCode = 1;
    return;
  }
  const interruption = new AbortController();
  const starting = launch(interruption.signal, args.includes('--secure'));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => void interrupt(interruption, starting));
  }
  try {
    const host = await starting;
    await play(new Scene(host.address));
    if (keep) await leaveRunning(host);
    else await step('everything stopped', () => host.stop());
  } catch (error) {
    if (interruption.signal.aborted) return;
    await fail(error, starting);
  }
}

/** Stops what has started by now, and waits until it is gone. */
async function interrupt(interruption: AbortController, starting: Promise<StackHost>): Promise<never> {
  interruption.abort();
  say();
  await step('interrupted: everything stopped', () =>
    starting.then(
      (host) => host.stop(),
      () => undefined,
    ),
  );
  process.exit(INTERRUPTED);
}

async function fail(error: unknown, starting: Promise<StackHost>): Promise<void> {
  process.exitCode = 1;
  // A plain Error is one of ours and says all there is to say; anything else is a bug, and where it is matters.
  const expected = error instanceof Error && error.constructor === Error;
  say(red(expected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)));
  const host = await starting.catch(() => null);
  if (host === null) return;
  say(`  logs: ${host.address.log_directory}`);
  await step('everything stopped', () => host.stop());
}

async function leaveRunning(host: StackHost): Promise<void> {
  heading('It goes on running');
  writeStackFile(host.address);
  await host.unbind();
  printStack(host.address);
  say('  stop it with: npm run stack:down');
}
