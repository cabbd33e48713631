import { decodeEntry, ENTRY_LIMIT_BYTES } from './entry.js';
import { FormatError } from './format-error.js';
import { HASH_BYTES, leafHash } from './hashing.js';
import { HeadCheck } from './head-check.js';
import type { Head } from './head-check.js';
import { linesOf } from './lines.js';
import { TimeOrder } from './time-order.js';
import type { TimeFault } from './time-order.js';

export interface ExportStreams {
  /** The entries' bytes, each with a line feed, from the first on. */
  entries: AsyncIterable<Uint8Array>;
  /** Their leaf hashes, 32 bytes each, as the log has stored them. */
  hashes: AsyncIterable<Uint8Array>;
}

/** What stands in an export, read once, in memory that does not grow with it. */
export interface Scan {
  entries: HeadCheck;
  hashes: HeadCheck;
  /** The first entry that is not what its stored hash says; null where there is none. */
  differs_at: number | null;
  malformed: { index: number; detail: string } | null;
  times: TimeFault[];
}

export async function scanExport(
  { entries, hashes }: ExportStreams,
  heads: readonly Head[],
  max_lateness_ms: number,
): Promise<Scan> {
  const scan = new GrowingScan(heads, max_lateness_ms);
  const stored = new HashReader(hashes);
  for await (const lines of linesOf(entries, ENTRY_LIMIT_BYTES)) {
    const beside = await stored.take(lines.length);
    lines.forEach((line, place) => scan.see(line, beside[place]));
  }
  for (let rest = await stored.take(1); rest.length > 0; rest = await stored.take(1)) scan.hashes.append(rest[0]!);
  return scan;
}

class GrowingScan implements Scan {
  readonly entries: HeadCheck;
  readonly hashes: HeadCheck;
  differs_at: number | null = null;
  malformed: Scan['malformed'] = null;
  readonly times: TimeFault[] = [];
  readonly #order: TimeOrder;

  constructor(heads: readonly Head[], max_lateness_ms: number) {
    this.entries = new HeadCheck(heads);
    this.hashes = new HeadCheck(heads);
    this.#order = new TimeOrder(max_lateness_ms);
  }

  see(line: Buffer, stored: Buffer | undefined): void {
    const index = this.entries.size;
    const hash = leafHash(line);
    this.entries.append(hash);
    if (stored !== undefined) {
      this.hashes.append(stored);
      if (!stored.equals(hash)) this.differs_at ??= index;
    }
    this.#read(index, line);
  }

  #read(index: number, line: Buffer): void {
    try {
      const fault = this.#order.see(index, decodeEntry(line));
      if (fault !== null && !this.times.some(({ code }) => code === fault.code)) this.times.push(fault);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.malformed ??= { index, detail: error.message };
    }
  }
}

/** Hashes one after another, whatever the chunks of their stream are. */
class HashReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest = Buffer.alloc(0);
  #ended = false;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** As many as are asked for, or what is left; a piece of a hash at the end is none. */
  async take(count: number): Promise<Buffer[]> {
    const wanted = count * HASH_BYTES;
    const parts = [this.#rest];
    let length = this.#rest.length;
    while (length < wanted && !this.#ended) {
      const { value, done } = await this.#chunks.next();
      if (done) this.#ended = true;
      else length += parts[parts.push(Buffer.from(value)) - 1]!.length;
    }
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const whole = Math.min(wanted, length - (length % HASH_BYTES));
    this.#rest = bytes.subarray(whole);
    return Array.from({ length: whole / HASH_BYTES }, (_, place) =>
      bytes.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES),
    );
  }
}
