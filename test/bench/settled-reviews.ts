import { Kafka, logLevel } from 'kafkajs';

/** Reads `review.settled` as a consumer of the public topic does, and counts. */
export class SettledReviews {
  readonly states = new Map<string, string>();
  readonly #consumer;
  #check: () => void = () => undefined;

  constructor(
    brokers: string,
    private readonly topic: string,
  ) {
    const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
    this.#consumer = kafka.consumer({ groupId: `bench-${process.pid}` });
  }

  async start(): Promise<void> {
    const joined = new Promise((resolve) => this.#consumer.on(this.#consumer.events.GROUP_JOIN, resolve));
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.topic });
    await this.#consumer.run({
      eachBatch: ({ batch }) => {
        for (const { value } of batch.messages) {
          const { changelist_id, state } = JSON.parse(String(value)) as { changelist_id: string; state: string };
          this.states.set(changelist_id, state);
        }
        this.#check();
        return Promise.resolve();
      },
    });
    await joined;
  }

  /** Resolves when all of these are settled; rejects when one did not succeed, or after the limit. */
  all(ids: readonly string[], limit_ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const left = ids.filter((id) => !this.states.has(id)).length;
        reject(new Error(`${left} of ${ids.length} reviews were not settled within ${limit_ms} ms`));
      }, limit_ms);
      this.#check = () => {
        if (!ids.every((id) => this.states.has(id))) return;
        clearTimeout(timer);
        const failed = ids.filter((id) => this.states.get(id) !== 'succeeded');
        if (failed.length === 0) resolve();
        else reject(new Error(`${failed.length} reviews ended as ${this.states.get(failed[0]!)}`));
      };
      this.#check();
    });
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect();
  }
}
