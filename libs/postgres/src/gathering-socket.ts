import { Socket } from 'node:net';

type Written = (error?: Error | null) => void;

/**
 * A connection to Postgres on which all that one turn of the event loop writes leaves together. The driver writes each
 * statement as it comes; a statement that goes with BEGIN, or with COMMIT, would cost a second system call and wake the
 * server twice.
 */
export class GatheringSocket extends Socket {
  #gathering = false;

  override write(data: Uint8Array | string, encoding?: BufferEncoding | Written, written?: Written): boolean {
    if (!this.#gathering) {
      this.#gathering = true;
      this.cork();
      process.nextTick(() => {
        this.#gathering = false;
        this.uncork();
      });
    }
    return super.write(data, encoding as BufferEncoding, written);
  }
}
