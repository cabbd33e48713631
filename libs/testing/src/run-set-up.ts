import { readFile } from 'node:fs/promises';
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

async function findOrStartStack(build: string): Promise<RunningStack> {
  const shared = process.env[SHARED_STACK_VARIABLE];
  if (shared !== undefined && shared !== '') {
    const address = JSON.parse(await readFile(shared, 'utf8')) as InfrastructureAddress;
    return { address, stop: () => Promise.resolve() };
  }
  const log_directory = join(repositoryRoot(), '.local', 'logs', `tests-${process.pid}`);
  const progress = (line: string): void => void (line.startsWith('fetching') && process.stderr.write(`${line}\n`));
  const host = await StackHost.launch(build, { services: null, durable: false, log_directory }, progress);
  return { address: host.address, stop: () => host.stop() };
}

/** Starts what a run's tests share and says so in the environment; returns what ends it. */
export async function setUpRun(build: string): Promise<() => Promise<void>> {
  const stack = await findOrStartStack(build);
  try {
    const { template, faults } = await prepareTemplate(build, stack.address);
    const run: TestRun = { build, address: stack.address, template, faults };
    process.env[TEST_RUN_VARIABLE] = JSON.stringify(run);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack.stop;
}
