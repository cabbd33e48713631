const READY_FOR_QUERY = 'Z'.charCodeAt(0);
const COMMAND_COMPLETE = 'C'.charCodeAt(0);
const AUTHENTICATION = 'R'.charCodeAt(0);
const IDLE = 'I'.charCodeAt(0);
/** Type and length of a message. */
const HEAD_BYTES = 5;
const WRITES = /^(?:INSERT|UPDATE|DELETE|MERGE)\b.* [1-9]\d*$/;

/** What the server says to one query, up to the word that it is ready for the next. */
export interface Answer {
  bytes: Buffer;
  /** Something that was written is committed, and this is the only word of it. */
  commits: boolean;
}

/** Cuts what a server sends into answers (protocol 3.0, PostgreSQL manual, chapter 54). */
export class PostgresAnswers {
  #pending: Buffer = Buffer.alloc(0);
  /** Of the answer at hand: how far it has been looked through, and the tags of its commands. */
  #seen = 0;
  #tags: string[] = [];
  #in_transaction = false;

  /** The answers that are whole now. */
  take(chunk: Buffer): Answer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const answers: Answer[] = [];
    for (;;) {
      const bytes = this.#next();
      if (bytes === null) return answers;
      answers.push(bytes);
    }
  }

  /** What is left when the server ends the connection: the reason, which no readiness follows. */
  rest(): Buffer {
    return this.#pending;
  }

  #next(): Answer | null {
    while (this.#pending.length - this.#seen >= HEAD_BYTES) {
      const type = this.#pending[this.#seen]!;
      const end = this.#seen + 1 + this.#pending.readInt32BE(this.#seen + 1);
      if (this.#pending.length < end) return null;
      const body = this.#pending.subarray(this.#seen + HEAD_BYTES, end);
      this.#seen = end;
      if (type === COMMAND_COMPLETE) this.#tags.push(body.subarray(0, -1).toString());
      // Each step of signing in waits for the client's reply, before there is anything to be ready for.
      if (type === AUTHENTICATION) return this.#answer(false);
      if (type === READY_FOR_QUERY) return this.#ready(body[0] === IDLE);
    }
    return null;
  }

  #ready(idle: boolean): Answer {
    const ended = this.#tags.includes('COMMIT');
    const alone = !this.#in_transaction && this.#tags.some((tag) => WRITES.test(tag));
    this.#in_transaction = !idle;
    return this.#answer(idle && (ended || alone));
  }

  #answer(commits: boolean): Answer {
    const bytes = this.#pending.subarray(0, this.#seen);
    this.#pending = this.#pending.subarray(this.#seen);
    this.#seen = 0;
    this.#tags = [];
    return { bytes, commits };
  }
}
