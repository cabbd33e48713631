/** `npm run stack:test`: keeps one Kafka and one Postgres running for test runs to share, until Ctrl-C. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StackHost } from './host-client.js';
import { repositoryRoot } from './repository.js';

const local = join(repositoryRoot(), '.local');
const file = join(local, 'test-stack.json');
const build = join(import.meta.dirname, '..', '..');
const options = { services: null, durable: false, log_directory: join(local, 'logs', 'test-stack') };

const host = await StackHost.launch(build, options, (line) => console.log(line));
await mkdir(local, { recursive: true });
await writeFile(file, JSON.stringify(host.address, null, 2), { mode: 0o600 });
console.log(`ready; in another terminal: export ASSAY_TEST_STACK=${file}`);

async function stop(): Promise<void> {
  await rm(file, { force: true });
  await host.stop();
  process.exit(0);
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => void stop());
