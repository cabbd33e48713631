import { type IHeaders, Kafka, logLevel } from 'kafkajs';

export interface SettledRecord {
  topic: string;
  partition: number;
  offset: string;
  key: string;
  headers: Record<string, string>;
  data: { job_id: string; state: string } & Record<string, unknown>;
}

/**
 * A downstream consumer of `review.settled`: kafkajs and nothing of Assay's. It deduplicates on `ce_id`, as every
 * consumer has to.
 */
export class Downstream {
  readonly topic: string;
  readonly #seen = new Map<string, SettledRecord>();
  readonly #waiting: (() => void)[] = [];
  readonly #consumer;

  constructor(brokers: string, topic_prefix: string) {
    this.topic = `${topic_prefix}.review.settled.v1`;
    const kafka = new Kafka({ brokers: [brokers], clientId: 'downstream', logLevel: logLevel.NOTHING });
    this.#consumer = kafka.consumer({ groupId: 'downstream-of-the-demo' });
  }

  async start(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.topic, fromBeginning: true });
    await this.#consumer.run({
      eachMessage: ({ message, partition, topic }) => {
        const headers = textHeaders(message.headers);
        const data = JSON.parse(message.value?.toString() ?? '{}') as SettledRecord['data'];
        const record = { topic, partition, offset: message.offset, key: String(message.key), headers, data };
        this.#seen.set(headers['ce_id'] ?? '', record);
        for (const wake of this.#waiting.splice(0)) wake();
        return Promise.resolve();
      },
    });
  }

  /** The record about a job, as soon as it is there. */
  async about(job_id: string): Promise<SettledRecord> {
    for (;;) {
      const record = [...this.#seen.values()].find((each) => each.data.job_id === job_id);
      if (record !== undefined) return record;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  stop(): Promise<void> {
    return this.#consumer.disconnect();
  }
}

function textHeaders(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}
