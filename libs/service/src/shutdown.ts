import { setMaxListeners } from 'node:events';
import { Injectable } from '@nestjs/common';

/** How the parts of a process learn that it is about to stop, and ask for that themselves. */
@Injectable()
export class Shutdown {
  readonly #begun = new AbortController();
  readonly #requests: ((reason: string) => void)[] = [];

  constructor() {
    // As many listen as callers wait: beyond ten, Node would take them for a leak.
    setMaxListeners(0, this.#begun.signal);
  }

  /** Aborts when the shutdown begins: requests that wait (`wait_s`) answer at once with what they have. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  begin(): void {
    this.#begun.abort();
  }

  /** Stops the whole process in order, with exit code 1: for a part that cannot go on and cannot be mended here. */
  request(reason: string): void {
    for (const listener of this.#requests) listener(reason);
  }

  onRequest(listener: (reason: string) => void): void {
    this.#requests.push(listener);
  }
}
