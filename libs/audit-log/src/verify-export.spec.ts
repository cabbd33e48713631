import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  aKey,
  anEntry,
  checkpointOf,
  entries,
  hashesOf,
  linesStream,
  ORIGIN,
  streamOf,
  timeAt,
} from './an-export.fixture.js';
import { encodeEntry } from './entry.js';
import type { AuditEntry, NewAuditEntry } from './entry.js';
import { TIME_MARK } from './time-order.js';
import { verifyExport } from './verify-export.js';
import type { AuditVerdict, VerifyOptions } from './verify-export.js';

const { signer, verifier } = aKey();
const LOG = entries(40);
const aMark = (number: number, differs: Partial<NewAuditEntry> = {}) =>
  encodeEntry(anEntry(number, { action: TIME_MARK, service: 'dead-letter', actor: null, role: null, ...differs }));

interface Tampering {
  lines?: readonly Buffer[];
  hashes?: readonly Buffer[];
  checkpoint?: Buffer;
  earlier?: readonly Buffer[];
}

/** The verdict on an export of `LOG`, but for what was tampered with. */
function verdictOn(tampering: Tampering = {}, options: Partial<VerifyOptions> = {}): Promise<AuditVerdict> {
  const { lines = LOG, hashes = hashesOf(LOG), checkpoint = checkpointOf(LOG, signer), earlier = [] } = tampering;
  const stored = streamOf(Buffer.concat(hashes), 45);
  return verifyExport(
    { entries: linesStream(lines), hashes: stored, checkpoint, earlier },
    { keys: [verifier], origin: ORIGIN, ...options },
  );
}

/** Of each fault its code and between which entries the first bad one stands. */
const found = ({ faults }: AuditVerdict) => faults.map(({ code, index, before }) => [code, index, before]);
const without = <T>(list: readonly T[], at: number) => list.filter((_, place) => place !== at);
const exchanged = <T>(list: readonly T[], at: number, by: T) => list.map((each, place) => (place === at ? by : each));
const changed = (line: Buffer, differs: Partial<AuditEntry>) => {
  const { format: _, salt, ...entry } = { ...(JSON.parse(line.toString('utf8')) as AuditEntry), ...differs };
  return encodeEntry(entry, Buffer.from(salt, 'hex'));
};
/** Of another log that began the same way. */
const forkedAfter = (size: number) => [...LOG.slice(0, size), ...entries(LOG.length - size, 500)];

describe('an export that nobody has touched', () => {
  it('DLQ-11.i, DLQ-11.j, DLQ-11.k and DLQ-11.l raises no alarm, with any checkpoint before', async () => {
    const earlier = [40, 1, 0, 17, 39].map((size) => checkpointOf(LOG.slice(0, size), signer));
    const verdict = await verdictOn({ earlier });
    expect(verdict).toMatchObject({ entries: 40, faults: [], first_bad_index: null, checkpoint: { size: 40 } });
  });

  it('DLQ-11.i raises no alarm at any size, in chunks of any length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 40 }), fc.integer({ min: 1, max: 3_000 }), async (size, chunk_bytes) => {
        const lines = LOG.slice(0, size);
        const verdict = await verifyExport(
          {
            entries: linesStream(lines, chunk_bytes),
            hashes: streamOf(Buffer.concat(hashesOf(lines)), chunk_bytes),
            checkpoint: checkpointOf(lines, signer),
          },
          { keys: [verifier] },
        );
        expect(verdict).toMatchObject({ entries: size, faults: [] });
      }),
      { numRuns: 60 },
    );
  });
});

describe('a change of an entry', () => {
  const other = anEntry(99, {
    ...{ service: 'notifier', action: 'read', outcome: 'refused', actor: 'key:eve', role: 'auditor', origin: null },
    ...{ subject_type: 'delivery', source: null, reason: null, details: {} },
  });
  const members = Object.keys(anEntry(1)) as (keyof NewAuditEntry)[];

  it.each([...members, 'salt' as const])('DLQ-11.i of its %s is caught, with its index', async (member) => {
    const differs = member === 'salt' ? { salt: 'f'.repeat(32) } : { [member]: other[member] };
    const verdict = await verdictOn({ lines: exchanged(LOG, 23, changed(LOG[23]!, differs)) });
    expect(found(verdict)).toEqual([['entry_changed', 23, 24]]);
    expect(verdict.first_bad_index).toBe(23);
  });

  it('DLQ-11.i is caught at any place, whatever byte it is of', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 39 }), fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, byte, by) => {
        const line = Buffer.from(LOG[at]!);
        line[byte % line.length]! ^= by;
        fc.pre(!line.includes(0x0a));
        const verdict = await verdictOn({ lines: exchanged(LOG, at, line) });
        expect(verdict.first_bad_index).toBe(at);
      }),
      { numRuns: 60 },
    );
  });

  it('DLQ-11.i names the first of several', async () => {
    const lines = [30, 7, 12].reduce((of, at) => exchanged(of, at, changed(of[at]!, { actor: 'key:eve' })), LOG);
    expect(found(await verdictOn({ lines }))).toEqual([['entry_changed', 7, 8]]);
  });

  it('DLQ-11.i and of its stored hash is caught between the checkpoints that no longer and that still hold', async () => {
    const lines = exchanged(LOG, 23, changed(LOG[23]!, { actor: 'key:eve' }));
    const hashes = hashesOf(lines);
    expect(found(await verdictOn({ lines, hashes }))).toEqual([['entry_changed', 0, 40]]);
    const earlier = [10, 20, 30].map((size) => checkpointOf(LOG.slice(0, size), signer));
    expect(found(await verdictOn({ lines, hashes, earlier }))).toEqual([['entry_changed', 20, 30]]);
  });

  it('DLQ-11.i is named exactly where a checkpoint after it still proves the stored hashes', async () => {
    const lines = exchanged(LOG, 23, changed(LOG[23]!, { actor: 'key:eve' }));
    const hashes = exchanged(hashesOf(LOG), 35, hashesOf(entries(1, 77))[0]!);
    const earlier = [20, 30].map((size) => checkpointOf(LOG.slice(0, size), signer));
    expect(found(await verdictOn({ lines, hashes, earlier }))).toEqual([['entry_changed', 23, 24]]);
  });

  it('DLQ-11.i of a stored hash alone is told as that, for the entries hold', async () => {
    const hashes = exchanged(hashesOf(LOG), 23, hashesOf(entries(1, 77))[0]!);
    expect(found(await verdictOn({ hashes }))).toEqual([['hashes_changed', 23, 24]]);
    expect(found(await verdictOn({ hashes: hashesOf(LOG).slice(0, 9) }))).toEqual([['hashes_changed', 9, 10]]);
  });

  it('DLQ-11.i into what is no entry is told, though it was signed', async () => {
    const lines = exchanged(LOG, 5, Buffer.from('{}'));
    const signed = { lines, hashes: hashesOf(lines), checkpoint: checkpointOf(lines, signer) };
    expect(found(await verdictOn(signed))).toEqual([['malformed_entry', 5, 6]]);
    const huge = exchanged(LOG, 5, Buffer.alloc(200_000, 'x'));
    expect((await verdictOn({ lines: huge })).first_bad_index).toBe(5);
  });
});

describe('truncation', () => {
  it.each([0, 1, 16, 39])('DLQ-11.j to %d entries is caught, with the first that is missing', async (size) => {
    const lines = LOG.slice(0, size);
    expect(found(await verdictOn({ lines }))).toEqual([['entries_missing', size, size + 1]]);
  });

  it('DLQ-11.j within a line is caught', async () => {
    const lines = [...LOG.slice(0, 39), LOG[39]!.subarray(0, 100)];
    expect((await verdictOn({ lines })).first_bad_index).toBe(39);
  });

  it('DLQ-11.j of entries and hashes is caught after the last checkpoint that holds', async () => {
    const lines = LOG.slice(0, 33);
    const tampering = { lines, hashes: hashesOf(lines) };
    expect(found(await verdictOn(tampering))).toEqual([['entries_missing', 0, 40]]);
    const earlier = [checkpointOf(LOG.slice(0, 30), signer)];
    expect(found(await verdictOn({ ...tampering, earlier }))).toEqual([['entries_missing', 30, 40]]);
  });

  it('DLQ-11.j of the log under a new checkpoint is caught by an older one', async () => {
    const lines = LOG.slice(0, 33);
    const tampering = { lines, hashes: hashesOf(lines), checkpoint: checkpointOf(lines, signer) };
    expect(found(await verdictOn(tampering))).toEqual([]);
    const earlier = [checkpointOf(LOG, signer)];
    expect(found(await verdictOn({ ...tampering, earlier }))).toEqual([['log_shortened', 33, 34]]);
  });
});

describe('reordering', () => {
  it.each([
    ['two exchanged', exchanged(exchanged(LOG, 11, LOG[30]!), 30, LOG[11]!), 11],
    ['one left out', without(LOG, 11), 11],
    ['one put in', [...LOG.slice(0, 11), ...entries(1, 99), ...LOG.slice(11)], 11],
    ['one twice', [...LOG.slice(0, 12), ...LOG.slice(11)], 12],
    ['one moved to the end', [...without(LOG, 11), LOG[11]!], 11],
  ])('DLQ-11.k by %s is caught, with the first that is not in its place', async (_what, lines, index) => {
    const verdict = await verdictOn({ lines });
    expect(verdict.first_bad_index).toBe(index);
    expect(found(verdict)[0]).toEqual(['entry_changed', index, index + 1]);
  });

  it('DLQ-11.k by what no checkpoint counts, after its end, is caught', async () => {
    const lines = [...LOG, ...entries(1, 99)];
    expect(found(await verdictOn({ lines }))).toEqual([['entries_not_signed', 40, 41]]);
  });
});

describe('back-dating', () => {
  const signed = (lines: readonly Buffer[]) => ({
    lines,
    hashes: hashesOf(lines),
    checkpoint: checkpointOf(lines, signer),
  });
  const late = (seconds: number) => encodeEntry(anEntry(100_000 - seconds));

  it('DLQ-11.l of a stored entry is caught, with its index', async () => {
    const lines = exchanged(LOG, 23, changed(LOG[23]!, { occurred_at: timeAt(-1_000_000) }));
    expect(found(await verdictOn({ lines }))).toEqual([['entry_changed', 23, 24]]);
  });

  it('DLQ-11.l of an entry that was written later is caught by the mark of time before it', async () => {
    const lines = [...LOG, aMark(100_000), ...entries(3, 100_001), encodeEntry(anEntry(8)), ...entries(3, 100_010)];
    expect(found(await verdictOn(signed(lines)))).toEqual([['back_dated', 44, 45]]);
  });

  it('DLQ-11.l raises no alarm for what was on its way for less than a day, or less than is allowed', async () => {
    const lines = [...LOG, aMark(100_000), late(86_400)];
    expect(found(await verdictOn(signed(lines)))).toEqual([]);
    expect(found(await verdictOn(signed(lines), { max_lateness_ms: 3_600_000 }))).toEqual([['back_dated', 41, 42]]);
    expect(found(await verdictOn(signed([...LOG, aMark(100_000), late(86_401)])))).toEqual([['back_dated', 41, 42]]);
  });

  it('DLQ-11.l of the future is caught by the mark after it, beyond a minute of two clocks', async () => {
    const soon = signed([...LOG, ...entries(1, 160), aMark(100)]);
    expect(found(await verdictOn(soon))).toEqual([]);
    const later = signed([...LOG, ...entries(1, 161), ...entries(3, 50), aMark(100)]);
    expect(found(await verdictOn(later))).toEqual([['post_dated', 40, 41]]);
  });
});

describe('two pasts', () => {
  it('DLQ-11.m of a log that went on from an old backup are caught by a checkpoint taken before', async () => {
    const restored = forkedAfter(25);
    const tampering = { lines: restored, hashes: hashesOf(restored), checkpoint: checkpointOf(restored, signer) };
    expect(found(await verdictOn(tampering))).toEqual([]);
    const kept = [20, 25, 31].map((size) => checkpointOf(LOG.slice(0, size), signer));
    expect(found(await verdictOn({ ...tampering, earlier: kept }))).toEqual([['log_forked', 25, 31]]);
  });

  it('DLQ-11.m of a log sealed twice are caught by the checkpoints of both, at one size too', async () => {
    const other = forkedAfter(39);
    const earlier = [checkpointOf(other, signer)];
    expect(found(await verdictOn({ earlier }))).toEqual([['log_forked', 0, 40]]);
    const before = checkpointOf(LOG.slice(0, 39), signer);
    expect(found(await verdictOn({ earlier: [...earlier, before] }))).toEqual([['log_forked', 39, 40]]);
  });

  it('DLQ-11.m are not told of a checkpoint that another has signed, or of another log: it is refused', async () => {
    const strange = checkpointOf(LOG, aKey().signer);
    await expect(verdictOn({ earlier: [strange] })).rejects.toMatchObject({ code: 'unknown_key' });
    await expect(verdictOn({ checkpoint: strange })).rejects.toMatchObject({ code: 'unknown_key' });
    await expect(verdictOn({}, { origin: 'other.example' })).rejects.toMatchObject({ code: 'malformed_checkpoint' });
  });
});
