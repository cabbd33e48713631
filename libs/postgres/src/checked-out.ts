import type pg from 'pg';

/** A connection of the pool, in somebody's hands. */
export class CheckedOut {
  /** Why the pool must not hand it out again. */
  broken: Error | undefined;
  // A connection that ends while it is checked out also emits `error`; without a listener that ends the process.
  readonly #onError = (error: Error): void => {
    this.broken = error;
  };

  /** @param returned is told once the pool has it back */
  constructor(
    readonly client: pg.PoolClient,
    private readonly returned: () => void,
  ) {
    client.on('error', this.#onError);
  }

  giveBack(): void {
    this.client.off('error', this.#onError);
    this.client.release(this.broken);
    this.returned();
  }
}
