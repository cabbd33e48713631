import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { oneByOne } from './one-by-one.js';

const failure = (error_class: 'DEPENDENCY_TIMEOUT' | 'DEPENDENCY_UNAVAILABLE' | 'CONFLICT', retryable = true) =>
  new Failure({ error_class, code: error_class.toLowerCase(), retryable, message: '' });

/** Runs units 0 to n-1 against what `fails` says of each batch. */
async function run(n: number, fails: (units: readonly number[]) => unknown, random = () => 0) {
  const done: number[] = [];
  const failed: [number, string][] = [];
  const asked: number[][] = [];
  const left = await oneByOne(
    Array.from({ length: n }, (_, unit) => unit),
    (units) => {
      asked.push([...units]);
      const thrown = fails(units);

      if (thrown) return Promise.reject(thrown);
      done.push(...units);
      return Promise.resolve();
    },
    (unit, { code }) => void failed.push([unit, code]),
    random,
  );
  return { done: done.sort((a, b) => a - b), failed, asked, left };
}

describe('oneByOne', () => {
  it('GEN-7.k fails the two units that no retry mends and none of their neighbours', async () => {
    const { done, failed, left } = await run(
      9,
      (units) => (units.includes(3) || units.includes(7)) && new TypeError('x'),
    );
    expect(done).toEqual([0, 1, 2, 4, 5, 6, 8]);
    expect(failed).toEqual([
      [3, 'unexpected_error'],
      [7, 'unexpected_error'],
    ]);
    expect(left).toBeNull();
  });

  it('GEN-7.j leaves everything undivided and fails nothing in an outage', async () => {
    const { asked, failed, left } = await run(8, () => failure('DEPENDENCY_UNAVAILABLE'));
    expect(asked).toHaveLength(1);
    expect(failed).toEqual([]);
    expect(left).toMatchObject({ units: [0, 1, 2, 3, 4, 5, 6, 7], failure: { retryable: true } });
  });

  it('GEN-7.g takes a time-out of all for an outage, after three that were asked alone', async () => {
    const { asked, failed, left } = await run(200, () => failure('DEPENDENCY_TIMEOUT'));
    expect(asked.map(({ length }) => length)).toEqual([200, 1, 1, 1]);
    expect(failed).toEqual([]);
    expect(left!.units).toHaveLength(200);
  });

  it('GEN-7.g fails a unit that is too slow three times alone while the others pass', async () => {
    const { asked, done, failed, left } = await run(8, (units) => units.includes(5) && failure('DEPENDENCY_TIMEOUT'));
    expect(done).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(failed).toEqual([[5, 'dependency_timeout']]);
    expect(asked.filter((units) => units.length === 1 && units[0] === 5)).toHaveLength(3);
    expect(left).toBeNull();
  });

  it('GEN-7.g keeps a unit that is slow twice and passes', async () => {
    let slow = 0;
    const { done, failed } = await run(
      4,
      (units) => units.includes(2) && (slow += 1) < 5 && failure('DEPENDENCY_TIMEOUT'),
    );
    expect(done).toEqual([0, 1, 2, 3]);
    expect(failed).toEqual([]);
  });

  it('GEN-7.g judges two slow units, one in each half, and does the rest', async () => {
    const slow = [1, 6];
    const { done, failed, left } = await run(
      9,
      (units) => units.some((unit) => slow.includes(unit)) && failure('DEPENDENCY_TIMEOUT'),
    );
    expect(done).toEqual([0, 2, 3, 4, 5, 7, 8]);
    expect(failed.map(([unit]) => unit)).toEqual(slow);
    expect(left).toBeNull();
  });

  it('GEN-7.g fails nobody for a stall that begins while a slow unit is looked for', async () => {
    let asked = 0;
    const { done, failed, left } = await run(8, () => (asked += 1) !== 2 && failure('DEPENDENCY_TIMEOUT'));
    expect(done).toEqual([0]);
    expect(failed).toEqual([]);
    expect(left!.units).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('GEN-7.g fails no unit for time-outs after which nothing has passed', async () => {
    const { done, failed, left } = await run(8, (units) => units.includes(7) && failure('DEPENDENCY_TIMEOUT'));
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(failed).toEqual([]);
    expect(left!.units).toEqual([7]);
  });

  it('GEN-7.k leaves two units whose locks others hang on to, one in each half, and does the rest', async () => {
    const locked = [1, 6];
    const { done, failed, left } = await run(
      8,
      (units) => units.some((unit) => locked.includes(unit)) && failure('CONFLICT'),
    );
    expect(done).toEqual([0, 2, 3, 4, 5, 7]);
    expect(failed).toEqual([]);
    expect(left!.units).toEqual(locked);
  });

  it('GEN-7.k does the one that is free of a batch that comes again and again, while one lock holds the others', async () => {
    for (let round = 0; round < 50; round += 1) {
      const { done } = await run(4, (units) => units.some((unit) => unit !== 1) && failure('CONFLICT'), Math.random);
      if (done.includes(1)) return;
    }
    throw new Error('never asked alone');
  });

  it('GEN-7.k leaves the unit whose lock another session hangs on to, fails it never, and does the rest', async () => {
    const { done, failed, left } = await run(8, (units) => units.includes(5) && failure('CONFLICT'));
    expect(done).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(failed).toEqual([]);
    expect(left).toMatchObject({ units: [5] });
  });

  it('GEN-7.g fails no unit that never had neighbours, however slow', async () => {
    const { asked, failed, left } = await run(1, () => failure('DEPENDENCY_TIMEOUT'));
    expect(asked).toHaveLength(1);
    expect(failed).toEqual([]);
    expect(left).toMatchObject({ units: [0] });
  });

  it('GEN-7.j leaves what an outage hit while a culprit was looked for', async () => {
    let away = false;
    const { done, failed, left } = await run(4, (units) => {
      if (away) return failure('DEPENDENCY_UNAVAILABLE');
      if (!units.includes(0)) return undefined;
      away = units.length === 2;
      return new TypeError('x');
    });
    expect(done).toEqual([]);
    expect(failed).toEqual([]);
    expect(left!.units).toEqual([2, 3, 0, 1].sort((a, b) => a - b));
  });
});
