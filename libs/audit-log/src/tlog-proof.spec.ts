import { describe, expect, it } from '@jest/globals';
import { aKey, checkpointOf, entries, hashesOf, headOf, nodesOf, ORIGIN } from './an-export.fixture.js';
import { verifyConsistencyProof, writeConsistencyProof } from './consistency-proof.js';
import { consistencyProof, inclusionProof } from './proofs.js';
import { readTlogProof, verifyTlogProof, writeTlogProof } from './tlog-proof.js';

const { signer, verifier } = aKey();
const log = entries(11);
const checkpoint = checkpointOf(log, signer);
const trusted = { keys: [verifier], origin: ORIGIN };
const proofOf = async (index: number) =>
  Buffer.from(
    writeTlogProof({ index, hashes: await inclusionProof(index, log.length, nodesOf(hashesOf(log))), checkpoint }),
  );
const edited = (text: Buffer, from: string | RegExp, to: string) =>
  Buffer.from(text.toString('utf8').replace(from, to));

describe('a tlog-proof', () => {
  it('DLQ-11.f is text: format, index, hashes, an empty line, the checkpoint as it is', async () => {
    const text = await proofOf(4);
    const [head, ...rest] = text.toString('utf8').split('\n\n');
    expect(head!.split('\n').slice(0, 2)).toEqual(['c2sp.org/tlog-proof@v1', 'index 4']);
    expect(rest.join('\n\n')).toBe(checkpoint.toString('utf8'));
    expect(readTlogProof(text).hashes).toHaveLength(4);
  });

  it('DLQ-11.f proves every entry, by itself', async () => {
    const proven = await Promise.all(
      log.map(async (entry, index) => verifyTlogProof(await proofOf(index), entry, trusted)),
    );
    expect(proven.map((head) => head?.index)).toEqual(log.map((_, index) => index));
    const only = Buffer.from(
      writeTlogProof({ index: 0, hashes: [], checkpoint: checkpointOf(log.slice(0, 1), signer) }),
    );
    expect(verifyTlogProof(only, log[0]!, trusted)).toMatchObject({ size: 1, index: 0 });
  });

  it('DLQ-11.f does not prove another entry, nor another index', async () => {
    const text = await proofOf(4);
    expect(verifyTlogProof(text, log[5]!, trusted)).toBeNull();
    expect(verifyTlogProof(edited(text, 'index 4', 'index 5'), log[4]!, trusted)).toBeNull();
  });

  it('DLQ-11.f leaves extra data aside', async () => {
    const text = edited(await proofOf(4), 'index', 'extra AAAA\nindex');
    expect(verifyTlogProof(text, log[4]!, trusted)).toMatchObject({ index: 4 });
  });

  it.each([
    ['another format', 'c2sp.org/tlog-proof@v1', 'c2sp.org/tlog-proof@v2'],
    ['no index', 'index 4\n', ''],
    ['an index with a leading zero', 'index 4', 'index 04'],
    ['a line that is no hash', 'index 4\n', 'index 4\nAAAA\n'],
    ['two indexes', 'index 4\n', 'index 3\nindex 4\n'],
  ])('DLQ-11.f with %s is refused', async (_what, from, to) => {
    const text = edited(await proofOf(4), from, to);
    expect(() => verifyTlogProof(text, log[4]!, trusted)).toThrow(expect.objectContaining({ code: 'malformed_proof' }));
  });

  it('DLQ-11.f is refused under a checkpoint that no trusted key has signed', async () => {
    const text = await proofOf(4);
    const others = { keys: [aKey().verifier] };
    expect(() => verifyTlogProof(text, log[4]!, others)).toThrow(expect.objectContaining({ code: 'unknown_key' }));
  });
});

describe('a proof of consistency', () => {
  const proofSince = async (old_size: number) => {
    const hashes = await consistencyProof(old_size, log.length, nodesOf(hashesOf(log)));
    return Buffer.from(writeConsistencyProof({ old_size, hashes, checkpoint }));
  };

  it('DLQ-11.g is text: the old size, hashes, an empty line, the newer checkpoint as it is', async () => {
    const text = (await proofSince(6)).toString('utf8');
    expect(text.startsWith('old 6\n')).toBe(true);
    expect(text.endsWith(`\n\n${checkpoint.toString('utf8')}`)).toBe(true);
    expect(verifyConsistencyProof(Buffer.from(text), headOf(log.slice(0, 6)), trusted)).toBe(true);
  });

  it('DLQ-11.g does not continue another past', async () => {
    const other = [...entries(5), ...entries(1, 99)];
    expect(verifyConsistencyProof(await proofSince(6), headOf(other), trusted)).toBe(false);
    expect(verifyConsistencyProof(await proofSince(6), headOf(log.slice(0, 5)), trusted)).toBe(false);
  });

  it('DLQ-11.g without an old size is refused', async () => {
    const text = edited(await proofSince(6), 'old 6', 'old six');
    const old = headOf(log.slice(0, 6));
    expect(() => verifyConsistencyProof(text, old, trusted)).toThrow(
      expect.objectContaining({ code: 'malformed_proof' }),
    );
  });
});
