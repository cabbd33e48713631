/** A process that turns this slowly has had that many looks at its sockets when its time is up: a handshake takes some 7. */
const PARTS = 20;

/**
 * A limit on how long another party may be silent, by the time in which this process listened. A process that is busy,
 * frozen or without a processor fires its timers before it reads its sockets: by the clock alone every answer that lay
 * there would be too late, every connection would be given up, and new ones, which take several turns of the event loop,
 * would never be made, for as long as the overload lasts (GEN-10).
 *
 * The limit is cut into parts, and a turn of the event loop counts as one at most, however long it took. Before the last
 * counts, what has arrived is read.
 */
export class ListeningTimer {
  readonly #timer: NodeJS.Timeout;
  #left = PARTS;
  #last_look: NodeJS.Immediate | undefined;

  /** @param act runs once, unless the timer is ended before; again after a {@link refresh} */
  constructor(
    limit_ms: number,
    private readonly act: () => void,
  ) {
    this.#timer = setTimeout(() => this.#tick(), limit_ms / PARTS);
  }

  /** Begins anew. */
  refresh(): void {
    this.#left = PARTS;
    this.#forgetLook();
    this.#timer.refresh();
  }

  end(): void {
    this.#forgetLook();
    clearTimeout(this.#timer);
  }

  #tick(): void {
    this.#left -= 1;
    if (this.#left > 0) this.#timer.refresh();
    // Runs after the sockets were read, and what they brought has been heeded.
    else this.#last_look = setImmediate(this.act);
  }

  #forgetLook(): void {
    if (this.#last_look) clearImmediate(this.#last_look);
    this.#last_look = undefined;
  }
}
