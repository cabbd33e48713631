import { join } from 'node:path';
import { StackHost } from './host-client.js';
import { providersFile, unheededByRunning } from './stack-arguments.js';
import { localDirectory, runningStack, stackFile, writeStackFile } from './stack-file.js';
import { requireFree, stackPorts } from './stack-ports.js';
import { printStack } from './stack-summary.js';
import { red, say, step } from './terminal.js';

/** `npm run stack:up [-- --port-base N] [--providers FILE]`: starts the whole stack and leaves it running in the background. */
export async function main(args: string[]): Promise<void> {
  const running = runningStack();
  if (running !== null) {
    say(`  the stack of this clone runs already (pid ${running.pid})`);
    printStack(running);
    const unheeded = unheededByRunning(args);
    if (unheeded === null) return;
    say(red(unheeded));
    process.exitCode = 1;
    return;
  }
  try {
    const ports = stackPorts(args);
    await requireFree(ports);
    const local = localDirectory();
    const options = {
      services: { state_directory: join(local, 'stack'), providers_file: providersFile(args) },
      durable: true,
      log_directory: join(local, 'logs'),
      ports,
    };
    const build = join(import.meta.dirname, '..', '..');
    // Until it is unbound the host ends with this process, however this ends: Ctrl-C during the start leaves nothing.
    const host = await step('Kafka, Postgres and the four services', (progress) =>
      StackHost.launch(build, options, progress),
    );
    writeStackFile(host.address);
    await host.unbind();
    printStack(host.address);
    say(`  everything in ${stackFile()}; stop with: npm run stack:down`);
  } catch (error) {
    say(red(error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  }
}
