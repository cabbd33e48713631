import { describe, expect, it } from '@jest/globals';
import { contestLocks } from './contest-locks.js';

const of = (source: string, idempotency_key: string, changelist_id: string) => ({
  source,
  idempotency_key,
  changelist_id,
});

describe('contestLocks', () => {
  it('ING-3.d orders the locks of a batch in the same way whoever takes them', () => {
    const batch = [of('a', 'k1', '1'), of('a', 'k2', '2'), of('b', 'k1', '1')];
    const locks = contestLocks(batch);
    expect(contestLocks(batch.toReversed())).toEqual(locks);
    expect(locks.map(BigInt)).toEqual(locks.map(BigInt).toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it('ING-3.d takes one lock for a key or changelist that several share', () => {
    expect(contestLocks([of('a', 'k', '1'), of('a', 'k', '1'), of('a', 'k', '2')])).toHaveLength(3);
  });

  it('GEN-8.a lets two sources use the same key and changelist without waiting for each other', () => {
    const [first, second] = [contestLocks([of('a', 'k', '1')]), contestLocks([of('b', 'k', '1')])];
    expect(first.filter((lock) => second.includes(lock))).toEqual([]);
  });
});
