import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HostCommand, HostOptions, HostReport, StackAddress } from './host-protocol.js';
import type { ServiceName } from './service-names.js';

type CommandBody = HostCommand extends infer Each ? (Each extends unknown ? Omit<Each, 'id'> : never) : never;

/** A running stack, seen from the process that started it. */
export class StackHost {
  #next_id = 1;
  readonly #waiting = new Map<number, (error: string | null) => void>();

  private constructor(
    private readonly child: ChildProcess,
    readonly address: StackAddress,
  ) {}

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /**
   * Starts a stack in a process of its own and resolves when it is ready. It ends when this process does.
   * `signal` ends it while it starts.
   * @param build the directory that the repository was built into
   */
  static async launch(
    build: string,
    options: HostOptions,
    progress: (line: string) => void,
    signal?: AbortSignal,
  ): Promise<StackHost> {
    const script = join(build, 'infra', 'local', 'host.js');
    mkdirSync(options.log_directory, { recursive: true });
    // Not this process's stderr: a stack that outlives its starter would keep the starter's pipe open.
    const log = openSync(join(options.log_directory, 'host.log'), 'a');
    const child = spawn(process.execPath, [script, JSON.stringify(options)], {
      detached: true,
      stdio: ['pipe', 'pipe', log],
    });
    closeSync(log);
    child.stdin?.on('error', () => undefined);
    // The promise then rejects once the host has cleared up and gone.
    signal?.addEventListener('abort', () => child.kill('SIGTERM'));
    return new Promise((resolve, reject) => {
      let host: StackHost | undefined;
      let fault = `the stack ended; its logs: ${options.log_directory}`;
      const lines = createInterface({ input: child.stdout ?? process.stdin });
      lines.on('line', (line) => {
        const report = JSON.parse(line) as HostReport;
        if ('progress' in report) progress(report.progress);
        else if ('failed' in report) fault = report.failed;
        else if ('ready' in report) resolve((host = new StackHost(child, report.ready)));
        else host?.answered(report.done, report.error);
      });
      child.once('error', reject);
      // Only now, when nothing of it is left, has the start failed.
      child.once('exit', () =>
        reject(signal?.aborted ? new DOMException('interrupted', 'AbortError') : new Error(fault)),
      );
    });
  }

  /** Kills Kafka or Postgres, leaves it down for a while, and starts it again with its data. */
  restart(what: 'kafka' | 'postgres', down_ms: number): Promise<void> {
    return this.#command({ do: 'restart', what, down_ms });
  }

  /** Ends a service in order and starts it again as it is built now; resolves when it is ready. */
  reload(service: ServiceName): Promise<void> {
    return this.#command({ do: 'reload', service });
  }

  /** Lets the stack outlive this process. */
  async unbind(): Promise<void> {
    await this.#command({ do: 'unbind' });
    this.child.stdin?.end();
    this.child.stdout?.destroy();
    this.child.unref();
  }

  /** Ends the stack; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await gone;
  }

  private answered(id: number, error: string | null): void {
    this.#waiting.get(id)?.(error);
    this.#waiting.delete(id);
  }

  #command(body: CommandBody): Promise<void> {
    const id = this.#next_id++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (error) => (error === null ? resolve() : reject(new Error(error))));
      this.child.stdin?.write(`${JSON.stringify({ ...body, id })}\n`);
    });
  }
}
