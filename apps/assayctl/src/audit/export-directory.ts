import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { HASH_BYTES, nodesFrom } from '@assay/audit-log';
import type { ExportToVerify, NodeSource } from '@assay/audit-log';
import { readBytes } from '../inputs.js';
import { UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';

const CHUNK_BYTES = 256 * 1024;

/** The files of an export of the audit log (docs/audit.md). */
export class ExportDirectory {
  readonly #path: (name: string) => string;

  /** Throws {@link UsageError} where one of its files is missing. */
  constructor(
    private readonly terminal: Terminal,
    directory: string,
  ) {
    this.#path = (name) => join(directory, name);
    const missing = ['entries.jsonl', 'hashes', 'checkpoint'].filter((name) => !existsSync(this.#path(name)));
    if (missing.length > 0) throw new UsageError(`${directory} is no export: it has no ${missing.join(', no ')}`);
  }

  /** The signed note, as it is. */
  checkpoint(): Buffer {
    return readBytes(this.terminal, this.#path('checkpoint'), 'the checkpoint');
  }

  /** @param earlier Checkpoints from elsewhere, beside those that stand in the export. */
  toVerify(earlier: readonly Buffer[]): ExportToVerify {
    return {
      entries: createReadStream(this.#path('entries.jsonl'), { highWaterMark: CHUNK_BYTES }),
      hashes: createReadStream(this.#path('hashes'), { highWaterMark: CHUNK_BYTES }),
      checkpoint: this.checkpoint(),
      earlier: [...this.#earlier(), ...earlier],
    };
  }

  /** Throws {@link UsageError} where fewer hashes are stored than a checkpoint counts. */
  async withNodes<T>(size: number, use: (node: NodeSource) => Promise<T>): Promise<T> {
    if (statSync(this.#path('hashes')).size < size * HASH_BYTES) {
      throw new UsageError('the export has fewer hashes than its checkpoint counts: verify it first');
    }
    const file = await open(this.#path('hashes'));
    const read = async (first: number, count: number) => {
      const bytes = Buffer.alloc(count * HASH_BYTES);
      await file.read(bytes, 0, bytes.length, first * HASH_BYTES);
      return bytes;
    };
    try {
      return await use(nodesFrom(read));
    } finally {
      await file.close();
    }
  }

  #earlier(): Buffer[] {
    const directory = this.#path('earlier');
    if (!existsSync(directory)) return [];
    return readdirSync(directory).map((name) => readBytes(this.terminal, join(directory, name), 'the checkpoint'));
  }
}
