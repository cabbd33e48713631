import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StackHost } from '../../../infra/local/host-client.js';
import type { InfrastructureAddress } from '../../../infra/local/infrastructure.js';
import { repositoryRoot } from '../../../infra/local/repository.js';
import { prepareTemplate } from './template.js';
import { TEST_RUN_VARIABLE, type TestRun } from './test-run.js';

/** Set to the file that `npm run stack:test` writes: runs then share that stack instead of starting one each. */
const SHARED_STACK_VARIABLE = 'ASSAY_TEST_STACK';

interface RunningStack {
  address: InfrastructureAddress;
  stop: () => Promise<void>;
}

const LOGS = /^tests-(\d+)$/;

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** This run's logs. Those of a run stay until the next one starts: a failure is looked into by then. */
async function freshLogDirectory(): Promise<string> {
  const logs = join(repositoryRoot(), '.local', 'logs');
  await mkdir(logs, { recursive: true });
  const old = (await readdir(logs)).filter((name) => LOGS.test(name) && !isRunning(Number(LOGS.exec(name)?.[1])));
  for (const name of old) await rm(join(logs, name), { recursive: true, force: true });
  return join(logs, `tests-${process.pid}`);
}

async function findOrStartStack(build: string, log_directory: string): Promise<RunningStack> {
  const shared = process.env[SHARED_STACK_VARIABLE];
  if (shared !== undefined && shared !== '') {
    const address = JSON.parse(await readFile(shared, 'utf8')) as InfrastructureAddress;
    return { address, stop: () => Promise.resolve() };
  }
  const progress = (line: string): void => void (line.startsWith('fetching') && process.stderr.write(`${line}\n`));
  const host = await StackHost.launch(build, { services: null, durable: false, log_directory }, progress);
  return { address: host.address, stop: () => host.stop() };
}

/** Starts what a run's tests share and says so in the environment; returns what ends it. */
export async function setUpRun(build: string): Promise<() => Promise<void>> {
  const log_directory = await freshLogDirectory();
  const stack = await findOrStartStack(build, log_directory);
  try {
    const { template, faults } = await prepareTemplate(build, stack.address);
    const run: TestRun = { build, address: stack.address, template, faults, log_directory };
    process.env[TEST_RUN_VARIABLE] = JSON.stringify(run);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack.stop;
}
