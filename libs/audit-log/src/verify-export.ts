import { openCheckpoint } from './checkpoint.js';
import type { Checkpoint } from './checkpoint.js';
import { scanExport } from './export-scan.js';
import type { ExportStreams, Scan } from './export-scan.js';
import type { HeadCheck } from './head-check.js';
import type { NoteVerifier } from './note-keys.js';

export type AuditFaultCode =
  /** An entry is not the one that was signed: changed, exchanged, moved, left out or put in. */
  | 'entry_changed'
  /** The export ends before the checkpoint does. */
  | 'entries_missing'
  /** The export goes on after the checkpoint. */
  | 'entries_not_signed'
  /** The entries are those that were signed, and the stored hashes are not theirs. */
  | 'hashes_changed'
  /** An older checkpoint counts more entries: the log was cut, or an old backup of it was restored. */
  | 'log_shortened'
  /** Two checkpoints cannot both be true: the log's past was changed, or it was sealed twice. */
  | 'log_forked'
  | 'malformed_entry'
  | 'back_dated'
  | 'post_dated';

export interface AuditFault {
  code: AuditFaultCode;
  /** The first entry that is bad. */
  index: number;
  /** `index + 1` where that entry is known; else the first bad entry stands between `index` and this, without it. */
  before: number;
  detail: string;
}

export interface ExportToVerify extends ExportStreams {
  /** The signed note that the export ends with. */
  checkpoint: Buffer;
  /** Checkpoints that were taken before, in any order: none of them may be contradicted. */
  earlier?: readonly Buffer[];
}

export interface VerifyOptions {
  keys: readonly NoteVerifier[];
  /** What the log is called, where that is known. */
  origin?: string;
  /** By how much an entry may be older than the mark before it: what its way to the sealer took. Default a day. */
  max_lateness_ms?: number;
}

export interface AuditVerdict {
  checkpoint: Checkpoint;
  /** Entries that were read. */
  entries: number;
  faults: AuditFault[];
  /** Null where nothing is wrong. */
  first_bad_index: number | null;
}

const DAY_MS = 24 * 3_600_000;

/**
 * Whether an export is what its checkpoint and those before it were signed for. It is read once, in memory that does not
 * grow with it. What is wrong with entries is told, with the first bad index; it throws only where there is nothing to
 * hold them against.
 *
 * @throws FormatError where a checkpoint is none, is of another log, or no key that is trusted has signed it.
 */
export async function verifyExport(
  { checkpoint: note, earlier = [], ...streams }: ExportToVerify,
  { keys, origin, max_lateness_ms = DAY_MS }: VerifyOptions,
): Promise<AuditVerdict> {
  const last = openCheckpoint(note, keys, origin);
  const older = earlier.map((each) => openCheckpoint(each, keys, last.origin)).sort((a, b) => a.size - b.size);
  const heads = [...older.filter(({ size }) => size <= last.size), last];
  const scan = await scanExport(streams, heads, max_lateness_ms);
  const faults = [
    ...older
      .filter(({ size }) => size > last.size)
      .slice(0, 1)
      .map((ahead) => shortened(ahead, last)),
    ...entryFaults(scan, heads),
    ...oneEach(scan),
  ];
  const first_bad_index = faults.length === 0 ? null : Math.min(...faults.map(({ index }) => index));
  return { checkpoint: last, entries: scan.entries.size, faults, first_bad_index };
}

/** What entries, stored hashes and heads say of each other: two of the three outvote none, the signed heads decide. */
function entryFaults(scan: Scan, heads: readonly Checkpoint[]): AuditFault[] {
  const { entries, hashes } = scan;
  const { size } = heads.at(-1)!;
  const beyond: AuditFault[] =
    entries.size > size ? [exact('entries_not_signed', size, 'no checkpoint counts it')] : [];
  if (hashes.holdsLast()) return [...differing(scan, size), ...forks(hashes, heads), ...beyond];
  if (entries.holdsLast()) {
    const at = Math.min(scan.differs_at ?? size, hashes.size);
    return [exact('hashes_changed', at, 'its stored hash is not its own'), ...forks(entries, heads), ...beyond];
  }
  // No head proves the end of anything: up to the last one that proves the hashes, they still name the entry.
  const failed = entries.firstFailure();
  const { size: failed_size } = heads[failed]!;
  if (hashes.holds(failed)) return differing(scan, failed_size);
  const code = entries.size < failed_size ? 'entries_missing' : 'entry_changed';
  const index = entries.provenBefore(failed);
  return [{ code, index, before: Math.max(failed_size, index + 1), detail: 'from here on no checkpoint holds' }];
}

/** The stored hashes are proven: where an entry differs from its own, it is the first bad one. */
function differing({ entries, differs_at }: Scan, size: number): AuditFault[] {
  if (differs_at !== null && differs_at < size)
    return [exact('entry_changed', differs_at, 'it is not what was signed')];
  return entries.size < size ? [exact('entries_missing', entries.size, `the checkpoint counts ${size} entries`)] : [];
}

function forks(check: HeadCheck, heads: readonly Checkpoint[]): AuditFault[] {
  const failed = check.firstFailure();
  if (failed < 0) return [];
  const index = check.provenBefore(failed);
  const { size } = heads[failed]!;
  const detail = `the checkpoint of ${size} entries is not the beginning of the last one`;
  return [{ code: 'log_forked', index, before: Math.max(size, index + 1), detail }];
}

function shortened(ahead: Checkpoint, last: Checkpoint): AuditFault {
  return exact('log_shortened', last.size, `an older checkpoint counts ${ahead.size} entries`);
}

function oneEach({ malformed, times }: Scan): AuditFault[] {
  const found = malformed === null ? times : [...times, { code: 'malformed_entry' as const, ...malformed }];
  return found.map(({ code, index, detail }) => exact(code, index, detail));
}

function exact(code: AuditFaultCode, index: number, detail: string): AuditFault {
  return { code, index, before: index + 1, detail };
}
