import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type { RecordPlace } from './decode-record.js';

/** One partition's batch, taking part in a round. */
export interface Part {
  readonly place: RecordPlace;
  readonly payload: EachBatchPayload;
  /** Records below this offset stood in the partition when this member was given it. */
  readonly redelivered_below: number;
}

/** A record of a part; decoded with its chunk, so that a large fetch is never parsed as a whole. */
export interface RoundRecord {
  readonly part: Part;
  readonly message: KafkaMessage;
}

/** What one handler call takes at most: it bounds what is decoded at once, and a transaction's packed parameter. */
export interface ChunkLimits {
  max_records: number;
  /** A larger record goes alone. */
  max_bytes: number;
}

/**
 * Deals the records of several partitions into chunks, in turn, so that each partition advances with every chunk and
 * the order within a partition stays.
 */
export function* chunksOf(
  records: readonly RoundRecord[][],
  { max_records, max_bytes }: ChunkLimits,
): Generator<RoundRecord[]> {
  let chunk: RoundRecord[] = [];
  let bytes = 0;
  const longest = Math.max(0, ...records.map(({ length }) => length));
  for (let index = 0; index < longest; index += 1) {
    for (const partition of records) {
      const record = partition[index];
      if (!record) continue;
      const size = record.message.value?.length ?? 0;
      if (chunk.length > 0 && (chunk.length >= max_records || bytes + size > max_bytes)) {
        yield chunk;
        chunk = [];
        bytes = 0;
      }
      chunk.push(record);
      bytes += size;
    }
  }
  if (chunk.length > 0) yield chunk;
}

/** The last record of each part in a chunk: resolving it resolves what came before it. */
export function lastOfEachPart(chunk: readonly RoundRecord[]): RoundRecord[] {
  return [...new Map(chunk.map((record) => [record.part, record])).values()];
}

/** Whether the part's records may still be handled: the process runs and nobody moved the partition's offset. */
export function isLive({ payload }: Part): boolean {
  return payload.isRunning() && !payload.isStale();
}
