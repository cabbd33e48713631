import { describe, expect, it } from '@jest/globals';
import { chunksOf, lastOfEachPart } from './batch-round.js';
import type { Part, RoundRecord } from './batch-round.js';
import { RoundGatherer } from './round-gatherer.js';

function part(partition: number): Part {
  return {
    place: { type: 'stage.delayed', topic: 't', partition },
    payload: {} as Part['payload'],
    redelivered_below: 0,
  };
}

function recordsOf(of: Part, count: number, bytes = 10): RoundRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    part: of,
    message: { offset: String(index), value: Buffer.alloc(bytes) } as unknown as RoundRecord['message'],
  }));
}

const LIMITS = { max_records: 100, max_bytes: 8 * 1024 * 1024 };

const namesOf = (chunk: RoundRecord[]) =>
  chunk.map(({ part: { place }, message }) => `${place.partition}.${message.offset}`);

describe('a round of batches', () => {
  it('deals partitions out in turn, keeping the order within each', () => {
    const chunks = [...chunksOf([recordsOf(part(0), 3), recordsOf(part(1), 1)], { ...LIMITS, max_records: 3 })];
    expect(chunks.map(namesOf)).toEqual([['0.0', '1.0', '0.1'], ['0.2']]);
  });

  it('WQ-11.g bounds a chunk in bytes, and lets a record above the bound go alone', () => {
    const large = recordsOf(part(0), 2, 9 * 1024 * 1024);
    const small = recordsOf(part(1), 2);
    expect([...chunksOf([large, small], LIMITS)].map(namesOf)).toEqual([['0.0'], ['1.0'], ['0.1'], ['1.1']]);
  });

  it('WQ-11.g fills each chunk up to the bound anew', () => {
    const records = recordsOf(part(0), 7, 3 * 1024 * 1024);
    expect([...chunksOf([records], LIMITS)].map(namesOf)).toEqual([
      ['0.0', '0.1'],
      ['0.2', '0.3'],
      ['0.4', '0.5'],
      ['0.6'],
    ]);
  });

  it('knows the last record of each part', () => {
    const [chunk] = [...chunksOf([recordsOf(part(0), 3), recordsOf(part(1), 2)], LIMITS)];
    expect(namesOf(lastOfEachPart(chunk!)).sort()).toEqual(['0.2', '1.1']);
  });

  it('gathers the batches of one turn into one call, and what comes meanwhile into the next', async () => {
    const rounds: number[][] = [];
    const gates: (() => void)[] = [];
    const gatherer = new RoundGatherer((_type, parts) => {
      rounds.push(parts.map(({ place }) => place.partition));
      return new Promise((resolve) => gates.push(resolve));
    });
    const first = [gatherer.join(part(0)), gatherer.join(part(1))];
    await Promise.resolve();
    const second = [gatherer.join(part(2)), gatherer.join(part(3))];
    gates[0]!();
    await Promise.all(first);
    gates[1]!();
    await Promise.all(second);
    await gatherer.idle();
    expect(rounds).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it('tells every part of a round that failed, and goes on', async () => {
    const gatherer = new RoundGatherer((_type, parts) =>
      parts.length > 1 ? Promise.reject(new Error('rebalancing')) : Promise.resolve(),
    );
    const both = await Promise.allSettled([gatherer.join(part(0)), gatherer.join(part(1))]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await gatherer.join(part(0));
  });
});
