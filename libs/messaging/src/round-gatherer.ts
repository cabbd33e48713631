import type { EventType } from '@assay/contracts';
import type { Part } from './batch-round.js';

interface Waiting {
  part: Part;
  done: () => void;
  failed: (error: unknown) => void;
}

/**
 * Gathers the batches that kafkajs hands over concurrently, one per partition, into rounds of one topic: with four
 * partitions four small transactions become one. kafkajs starts all of a fetch in one turn, so a round closes when the
 * turn ends; what comes while a round is at work makes the next.
 */
export class RoundGatherer {
  readonly #waiting = new Map<EventType, Waiting[]>();
  readonly #running = new Map<EventType, Promise<void>>();

  constructor(private readonly run: (type: EventType, parts: readonly Part[]) => Promise<void>) {}

  /** Resolves or rejects as the round does that the part takes part in. */
  join(part: Part): Promise<void> {
    const { type } = part.place;
    return new Promise((done, failed) => {
      const waiting = this.#waiting.get(type) ?? [];
      waiting.push({ part, done, failed });
      this.#waiting.set(type, waiting);
      if (!this.#running.has(type)) this.#begin(type);
    });
  }

  /** Resolves when no round is at work. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #begin(type: EventType): void {
    const round = this.#rounds(type).finally(() => this.#running.delete(type));
    this.#running.set(type, round);
  }

  async #rounds(type: EventType): Promise<void> {
    await Promise.resolve();
    for (;;) {
      const waiting = this.#waiting.get(type) ?? [];
      if (waiting.length === 0) return;
      this.#waiting.delete(type);
      try {
        await this.run(
          type,
          waiting.map(({ part }) => part),
        );
        for (const { done } of waiting) done();
      } catch (error) {
        for (const { failed } of waiting) failed(error);
      }
    }
  }
}
