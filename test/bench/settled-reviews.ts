import { Kafka, logLevel } from 'kafkajs';

/** A read waits for so much, or for so long: what a review is settled late by at most, against some 500 reads a second. */
const READ_BYTES = 64 * 1024;
const READ_WITHIN_MS = 25;
const SUCCEEDED = '"state":"succeeded"';

/** Reads `review.settled` as a consumer of the public topic does, and counts; it parses nothing. */
export class SettledReviews {
  /** Keys of the records: source and changelist. */
  readonly #settled = new Set<string>();
  readonly #failed = new Set<string>();
  readonly #consumer;
  #check: () => void = () => undefined;

  constructor(
    brokers: string,
    private readonly topic: string,
  ) {
    const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
    const reads = { minBytes: READ_BYTES, maxWaitTimeInMs: READ_WITHIN_MS };
    this.#consumer = kafka.consumer({ groupId: `bench-${process.pid}`, ...reads });
  }

  async start(): Promise<void> {
    const joined = new Promise((resolve) => this.#consumer.on(this.#consumer.events.GROUP_JOIN, resolve));
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.topic });
    await this.#consumer.run({
      eachBatch: ({ batch }) => {
        for (const { key, value } of batch.messages) {
          this.#settled.add(String(key));
          if (!value?.includes(SUCCEEDED)) this.#failed.add(String(key));
        }
        this.#check();
        return Promise.resolve();
      },
    });
    await joined;
  }

  /** Resolves when so many more are settled; rejects when one did not succeed, or after the limit. */
  further(reviews: number, limit_ms: number): Promise<void> {
    const wanted = this.#settled.size + reviews;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${wanted - this.#settled.size} of ${reviews} reviews were not settled in ${limit_ms} ms`));
      }, limit_ms);
      this.#check = () => {
        if (this.#settled.size < wanted) return;
        clearTimeout(timer);
        if (this.#failed.size === 0) resolve();
        else reject(new Error(`${this.#failed.size} reviews did not succeed: ${[...this.#failed][0]}`));
      };
      this.#check();
    });
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect();
  }
}
