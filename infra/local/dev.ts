import { existsSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { bundlePrograms, compileSource } from './compile-source.js';
import { StackHost } from './host-client.js';
import { repositoryRoot } from './repository.js';
import { type ServiceName } from './service-names.js';
import { providersFile } from './stack-arguments.js';
import { localDirectory, runningStack, stackFile, writeStackFile } from './stack-file.js';
import { requireFree, stackPorts } from './stack-ports.js';
import { printStack } from './stack-summary.js';
import { note, red, say, step } from './terminal.js';
import { readImports, touchedServices } from './touched-services.js';

/** An editor writes a file in several steps, and several files at once. */
const SETTLE_MS = 40;

/** `npm run dev [-- --port-base N] [--providers FILE]`: the whole stack, whose services follow the sources until Ctrl-C. */
export async function main(args: string[]): Promise<void> {
  if (runningStack() !== null) {
    say(red('  a stack of this clone runs already: stop it with npm run stack:down'));
    process.exitCode = 1;
    return;
  }
  try {
    const host = await launch(args);
    // What ends this process ends the host, which is bound to it.
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => {
        say('\n  stopping');
        void host.stop().finally(() => {
          rmSync(stackFile(), { force: true });
          process.exit(0);
        });
      });
    }
    printStack(host.address);
    follow(host);
    say('  a changed source restarts the services that run it; Ctrl-C stops everything');
  } catch (error) {
    say(red(error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  }
}

async function launch(args: string[]): Promise<StackHost> {
  const ports = stackPorts(args);
  await requireFree(ports);
  const local = localDirectory();
  const services = { state_directory: join(local, 'stack'), providers_file: providersFile(args) };
  const options = { services, durable: true, log_directory: join(local, 'logs'), ports };
  const host = await step('Kafka, Postgres and the four services', (progress) =>
    StackHost.launch(join(import.meta.dirname, '..', '..'), options, progress),
  );
  writeStackFile(host.address);
  return host;
}

function follow(host: StackHost): void {
  const root = repositoryRoot();
  const changed = new Set<string>();
  let working = Promise.resolve();
  let settling: NodeJS.Timeout | undefined;
  const take = (): void => {
    const files = [...changed];
    changed.clear();
    working = working.then(() => reload(host, root, files)).catch((error: unknown) => say(red(`  ${String(error)}`)));
  };
  for (const room of ['apps', 'libs']) {
    watch(join(root, room), { recursive: true }, (_event, name) => {
      if (name === null || !name.endsWith('.ts')) return;
      changed.add(join(room, name));
      clearTimeout(settling);
      settling = setTimeout(take, SETTLE_MS);
    });
  }
}

/** A file that does not compile leaves its services as they run. */
async function reload(host: StackHost, root: string, files: readonly string[]): Promise<void> {
  const since = performance.now();
  const imports = readImports(root);
  const build = join(import.meta.dirname, '..', '..');
  const touched = new Set<ServiceName>();
  for (const file of files.filter((one) => existsSync(join(root, one)))) {
    const services = touchedServices(file, imports);
    if (services.length === 0) continue;
    await compileSource(root, file, build);
    for (const service of services) touched.add(service);
  }
  if (touched.size === 0) return;
  await bundlePrograms(root, build);
  await Promise.all([...touched].map((service) => host.reload(service)));
  note(
    `${files.join(', ')}: ${[...touched].join(', ')} ready again after ${((performance.now() - since) / 1000).toFixed(1)} s`,
  );
}
