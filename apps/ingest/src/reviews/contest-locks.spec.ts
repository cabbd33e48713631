import { describe, expect, it } from '@jest/globals';
import { changelistLocks, contestLocks, replayLocks } from './contest-locks.js';

const of = (source: string, idempotency_key: string, changelist_id: string) => ({
  source,
  idempotency_key,
  changelist_id,
});

describe('contestLocks', () => {
  it('orders the locks of a batch in the same way whoever takes them', () => {
    const batch = [of('a', 'k1', '1'), of('a', 'k2', '2'), of('b', 'k1', '1')];
    const locks = contestLocks(batch);
    expect(contestLocks(batch.toReversed())).toEqual(locks);
    expect(locks.map(BigInt)).toEqual(locks.map(BigInt).toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it('takes one lock for a key or changelist that several share', () => {
    expect(contestLocks([of('a', 'k', '1'), of('a', 'k', '1'), of('a', 'k', '2')])).toHaveLength(3);
  });

  it('GEN-8.c lets two sources use the same key and changelist without waiting for each other', () => {
    const [first, second] = [contestLocks([of('a', 'k', '1')]), contestLocks([of('b', 'k', '1')])];
    expect(first.filter((lock) => second.includes(lock))).toEqual([]);
  });
});

describe('changelistLocks', () => {
  it('takes the locks of the changelists that submissions of them take, in the same order', () => {
    const both = [
      { source: 'a', changelist_id: '1' },
      { source: 'a', changelist_id: '2' },
    ];
    const taken = contestLocks([of('a', 'k', '1'), of('a', 'k', '2')]);
    expect(changelistLocks([...both, ...both])).toEqual(taken.filter((lock) => changelistLocks(both).includes(lock)));
    expect(changelistLocks(both)).toHaveLength(2);
  });
});

describe('replayLocks', () => {
  it('takes the lock of the changelist that submissions of it take', () => {
    const locks = replayLocks([{ source: 'a', changelist_id: '1', item_id: 'i' }]);
    expect(locks.filter((lock) => contestLocks([of('a', 'k', '1')]).includes(lock))).toHaveLength(1);
    expect(locks.filter((lock) => contestLocks([of('b', 'k', '1')]).includes(lock))).toEqual([]);
  });

  it('takes one of the item, whatever changelist it is said to be of', () => {
    const [one, other] = ['1', '2'].map((changelist_id) => replayLocks([{ source: 'a', changelist_id, item_id: 'i' }]));
    expect(one!.filter((lock) => other!.includes(lock))).toHaveLength(1);
  });
});
