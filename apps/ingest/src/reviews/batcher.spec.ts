import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { Batcher, BATCHER_FULL, BATCHER_LATE } from './batcher.js';

const OPTIONS = { max_items: 4, max_bytes: 100, max_waiting_bytes: 1_000, max_commits: 3 };

function failure(retryable: boolean): Failure {
  const error_class = retryable ? 'DEPENDENCY_UNAVAILABLE' : 'CONFLICT';
  return new Failure({ error_class, code: 'made_up', retryable, message: 'made up' });
}

describe('Batcher', () => {
  it('commits what came in the same turn together, and gives each its own result', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher((items: number[]) => {
      batches.push(items);
      return Promise.resolve(items.map((item) => item * 10));
    }, OPTIONS);
    expect(await Promise.all([1, 2, 3].map((item) => batcher.submit(item, 1)))).toEqual([10, 20, 30]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it('gathers while a commit is under way, one commit at a time', async () => {
    const open: (() => void)[] = [];
    const batches: number[][] = [];
    const batcher = new Batcher(async (items: number[]) => {
      batches.push(items);
      await new Promise<void>((resolve) => open.push(resolve));
      return items;
    }, OPTIONS);
    const first = batcher.submit(1, 1);
    await new Promise(setImmediate);
    const rest = [2, 3, 4].map((item) => batcher.submit(item, 1));
    await new Promise(setImmediate);
    expect(batches).toEqual([[1]]);
    open.shift()!();
    expect(await first).toBe(1);
    await new Promise(setImmediate);
    expect(batches).toEqual([[1], [2, 3, 4]]);
    open.shift()!();
    expect(await Promise.all(rest)).toEqual([2, 3, 4]);
  });

  it('bounds a batch by items and by bytes, and lets one that is larger go alone', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher((items: number[]) => {
      batches.push(items);
      return Promise.resolve(items);
    }, OPTIONS);
    await Promise.all([1, 1, 1, 1, 1].map((bytes) => batcher.submit(bytes, bytes)));
    await Promise.all([60, 40, 1, 500, 1].map((bytes) => batcher.submit(bytes, bytes)));
    expect(batches).toEqual([[1, 1, 1, 1], [1], [60, 40], [1], [500], [1]]);
  });

  it('ING-10.h fails the culprit alone when a batch is refused for what stands in it', async () => {
    const batcher = new Batcher((items: number[]) => {
      if (items.includes(3)) return Promise.reject(failure(false));
      return Promise.resolve(items);
    }, OPTIONS);
    const results = await Promise.allSettled([1, 2, 3, 4].map((item) => batcher.submit(item, 1)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails all of a batch at once while the database is away', async () => {
    let commits = 0;
    const batcher = new Batcher((_items: number[]) => {
      commits += 1;
      return Promise.reject<number[]>(failure(true));
    }, OPTIONS);
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.submit(item, 1)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(commits).toBe(1);
  });

  it('refuses what memory is not set aside for, and takes more once there is room', async () => {
    const batcher = new Batcher((items: number[]) => Promise.resolve(items), OPTIONS);
    const waiting = [600, 400].map((bytes) => batcher.submit(bytes, bytes));
    await expect(batcher.submit(1, 1)).rejects.toMatchObject({ code: BATCHER_FULL, retryable: true });
    await Promise.all(waiting);
    expect(await batcher.submit(1, 1)).toBe(1);
  });

  it('gives sources turns, from one batch to the next, and keeps the order of each', async () => {
    const batches: string[][] = [];
    const batcher = new Batcher(
      (items: string[]) => {
        batches.push(items);
        return Promise.resolve(items);
      },
      OPTIONS,
      (item) => item[0]!,
    );
    const sent = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2', 'c1'].map((item) => batcher.submit(item, 1));
    await Promise.all(sent);
    expect(batches).toEqual([['a1', 'b1', 'c1', 'a2'], ['b2', 'a3', 'a4', 'a5'], ['a6']]);
  });

  it('sets half of the memory aside for one source, so that another finds room beside it', async () => {
    const batcher = new Batcher(
      (items: string[]) => Promise.resolve(items),
      OPTIONS,
      (item) => item[0]!,
    );
    const first = batcher.submit('a1', 450);
    await expect(batcher.submit('a2', 60)).rejects.toMatchObject({ code: BATCHER_FULL, retryable: true });
    const rest = ['b1', 'c1'].map((item) => batcher.submit(item, 260));
    await expect(batcher.submit('d1', 60)).rejects.toMatchObject({ code: BATCHER_FULL });
    expect(await Promise.all([first, ...rest])).toEqual(['a1', 'b1', 'c1']);
    expect(await batcher.submit('a3', 700)).toBe('a3');
  });

  it('goes on beside commits that hang, and never more than so many at once', async () => {
    const hung: string[] = [];
    const batcher = new Batcher((items: string[]) => {
      if (!items[0]!.startsWith('hangs')) return Promise.resolve(items);
      hung.push(...items);
      return new Promise<string[]>(() => undefined);
    }, OPTIONS);
    const lost = ['hangs 1', 'hangs 2', 'works', 'hangs 3', 'waits'].map(async (item) => {
      // Each in a batch of its own.
      const result = batcher.submit(item, 100, 1_000);
      return result.then(
        () => `${item}: done`,
        ({ code }: Failure) => `${item}: ${code}`,
      );
    });
    expect(await lost[2]).toBe('works: done');
    expect(await Promise.all(lost)).toEqual([
      `hangs 1: ${BATCHER_LATE}`,
      `hangs 2: ${BATCHER_LATE}`,
      'works: done',
      `hangs 3: ${BATCHER_LATE}`,
      `waits: ${BATCHER_LATE}`,
    ]);
    expect(hung).toEqual(['hangs 1', 'hangs 2', 'hangs 3']);
  });

  it('gives the memory back of what was refused because its time was up', async () => {
    const batcher = new Batcher(() => new Promise<number[]>(() => undefined), {
      ...OPTIONS,
      max_commits: 1,
    });
    const first = batcher.submit(0, 1, 50);
    await new Promise(setImmediate);
    const waiting = [600, 400].map((bytes) => batcher.submit(bytes, bytes, 50));
    for (const refused of [first, ...waiting])
      await expect(refused).rejects.toMatchObject({ code: BATCHER_LATE, retryable: true });
    await expect(batcher.submit(1_000, 1_000, 50)).rejects.toMatchObject({ code: BATCHER_LATE });
  });
});
