import { readFileSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { notify } from './notices.js';

export interface WatchedFileOptions<T> {
  path: string;
  /** What the file is, for messages: `api keys`, `secret`. */
  what: string;
  /** Throws where the content is bad; the message names the fault, never the content. */
  parse: (content: Buffer) => T;
  /** How often the file is looked at. Revocation must hold within 30 s (SEC-6): default 2 s. */
  poll_ms?: number;
}

const DEFAULT_POLL_MS = 2_000;

/**
 * A parsed file that is read again when it changes (SEC-5). A bad edit keeps the last good content and is announced;
 * only the first reading throws, since a service must not start on a bad file.
 *
 * Polling `stat` rather than `fs.watch`: a mounted Kubernetes secret changes by a symlink swap two levels up, and
 * network file systems send no events. One `stat` every 2 s costs nothing that can be measured.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  readonly #listeners = new Set<(value: T) => void>();
  readonly #timer: NodeJS.Timeout;
  #stamp: string;
  #value: T;
  #checking: Promise<void> | null = null;

  constructor(options: WatchedFileOptions<T>) {
    this.#options = options;
    this.#stamp = stampOf(statSync(options.path));
    this.#value = options.parse(readFileSync(options.path));
    this.#timer = setInterval(() => void this.check(), options.poll_ms ?? DEFAULT_POLL_MS);
    this.#timer.unref();
  }

  current(): T {
    return this.#value;
  }

  /** Called after the content has changed, never for the first reading. Returns the function that ends it. */
  onChange(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks at the file now; resolves when its content, if new, is in force or refused. */
  check(): Promise<void> {
    this.#checking ??= this.#look().finally(() => (this.#checking = null));
    return this.#checking;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    const { path, what, parse } = this.#options;
    try {
      const stamp = stampOf(await stat(path));
      if (stamp === this.#stamp) return;
      const content = await readFile(path);
      // Noted before the content is judged: a bad edit is announced once, not at every look.
      this.#stamp = stamp;
      this.#value = parse(content);
    } catch (error) {
      // A file that is away is announced once, too, and read again as soon as it is back.
      if (isMissing(error) && this.#stamp === '') return;
      if (isMissing(error)) this.#stamp = '';
      notify({ event: 'file_refused', path, what, error });
      return;
    }
    notify({ event: 'file_reloaded', path, what });
    for (const listener of this.#listeners) listener(this.#value);
  }
}

function stampOf(stats: Stats): string {
  return `${stats.ino}:${stats.mtimeMs}:${stats.ctimeMs}:${stats.size}`;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
