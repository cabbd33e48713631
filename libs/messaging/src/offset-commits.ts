import { createLog } from '@assay/observability';
import type { EachBatchPayload } from 'kafkajs';

const log = createLog('kafka.offsets', ['commit_failed']);

/** What a crash can make come again is what was handled since the last commit. */
const COMMIT_EVERY_MS = 200;

/**
 * Commits what rounds have resolved, beside them and not after each: a round trip in the way of the next fetch made
 * every hop of a review that much slower, and each commit is a record in Kafka's own topic. What is resolved and not yet
 * committed when a process dies comes again, where unique keys make it harmless (GEN-2).
 */
export class OffsetCommits {
  #latest: EachBatchPayload | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Offsets were resolved in the round of this payload; of all the member's partitions, the next commit takes the lot. */
  soon(payload: EachBatchPayload): void {
    this.#latest = payload;
    this.#timer ??= setTimeout(() => void this.now(), COMMIT_EVERY_MS);
  }

  /** Before the group is left or joined again. Never rejects: what could not be committed comes again. */
  async now(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const payload = this.#latest;
    this.#latest = undefined;
    if (payload === undefined) return;
    try {
      await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets());
    } catch (error) {
      log.debug('commit_failed', { code: (error as { type?: string }).type });
    }
  }
}
