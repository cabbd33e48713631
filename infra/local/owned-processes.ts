import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const LOG_TAIL_CHARACTERS = 2_000;

export interface ProcessOptions {
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Where stdout and stderr go, appended. */
  log_file: string;
  uid?: number;
  gid?: number;
  /** What ends it when nothing else is said; SIGTERM where this is absent. */
  stop_signal?: NodeJS.Signals;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that this one started and will end, by its pid. */
export interface OwnedProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason. */
  readonly exited: Promise<Exit>;
  readonly running: boolean;
  kill(signal: NodeJS.Signals): void;
  /** Asks with `signal`, insists with SIGKILL after `grace_ms`, resolves when it is gone. */
  stop(signal?: NodeJS.Signals, grace_ms?: number): Promise<void>;
}

/**
 * The processes and directories of one stack. A guardian process knows them all too and clears up after a host that was
 * killed outright, which no handler in the host itself could do.
 */
export class OwnedProcesses {
  readonly #guardian: ChildProcess;
  readonly #processes = new Set<OwnedProcess>();
  #closed = false;

  /** @param build the directory that the repository was built into */
  constructor(build: string) {
    this.#guardian = spawn(process.execPath, [join(build, 'infra', 'local', 'guardian.js')], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#guardian.stdin?.on('error', () => undefined);
  }

  /** `directory` is removed when the host is gone. */
  ownDirectory(directory: string): void {
    this.#tell(`dir ${directory}`);
  }

  /** The container is removed when the host is gone. */
  ownContainer(name: string): void {
    this.#tell(`container ${name}`);
  }

  removeDirectory(directory: string): void {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    this.#tell(`removed ${directory}`);
  }

  /** Starts a process in a session of its own, so that Ctrl-C in a terminal reaches the host alone. */
  start(options: ProcessOptions): Promise<OwnedProcess> {
    if (this.#closed) return Promise.reject(new Error(`${options.name} was not started: the stack is stopping`));
    const log = openSync(options.log_file, 'a');
    const child = spawn(options.command, options.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: options.env,
      cwd: options.cwd,
      uid: options.uid,
      gid: options.gid,
    });
    closeSync(log);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(this.#adopt(options, child)));
    });
  }

  /** Runs a tool to its end; rejects with the end of its log when it fails. */
  async run(options: ProcessOptions): Promise<void> {
    const { code, signal } = await (await this.start(options)).exited;
    if (code === 0) return;
    const tail = readFileSync(options.log_file, 'utf8').slice(-LOG_TAIL_CHARACTERS);
    throw new Error(`${options.name} ended with ${signal ?? code}; the end of ${options.log_file}:\n${tail}`);
  }

  /** Lets the guardian go. Call when everything has been stopped. */
  async release(): Promise<void> {
    const gone = new Promise((resolve) => this.#guardian.once('exit', resolve));
    this.#guardian.stdin?.end();
    await gone;
  }

  /** From now on nothing starts: what is still starting the stack finds out by that. */
  close(): void {
    this.#closed = true;
  }

  async stopAll(): Promise<void> {
    this.close();
    await Promise.all([...this.#processes].map((each) => each.stop()));
  }

  #tell(line: string): void {
    this.#guardian.stdin?.write(`${line}\n`);
  }

  #adopt({ name, stop_signal = 'SIGTERM' }: ProcessOptions, child: ChildProcess): OwnedProcess {
    const pid = child.pid;
    if (pid === undefined) throw new Error(`${name} started without a pid`);
    this.#tell(`pid ${pid}`);
    let running = true;
    const exited = new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => {
        running = false;
        this.#tell(`gone ${pid}`);
        this.#processes.delete(owned);
        resolve({ code, signal });
      });
    });
    const owned: OwnedProcess = {
      name,
      pid,
      exited,
      get running() {
        return running;
      },
      kill: (signal) => void (running && child.kill(signal)),
      stop: async (signal = stop_signal, grace_ms = 10_000) => {
        if (!running) return;
        child.kill(signal);
        const insist = setTimeout(() => child.kill('SIGKILL'), grace_ms);
        await exited;
        clearTimeout(insist);
      },
    };
    this.#processes.add(owned);
    return owned;
  }
}
