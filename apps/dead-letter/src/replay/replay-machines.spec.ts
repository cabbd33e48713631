import { describe, expect, it } from '@jest/globals';
import { Problem } from '@assay/contracts';
import { advance, begin, ITEM_MOVES, ITEM_STATES, LIVE, PLAN_MOVES, PLAN_STATES } from './replay-machines.js';

const step = { cause: 'x', actor: 'key:x', correlation_id: 'c' };

function reachable<S extends string>(moves: Readonly<Record<S, readonly S[]>>, born: readonly S[]): Set<S> {
  const seen = new Set<S>(born);
  const open = [...born];
  for (let state = open.pop(); state; state = open.pop()) {
    for (const next of moves[state]) if (!seen.has(next)) open.push((seen.add(next), next));
  }
  return seen;
}

describe('the machines of replays', () => {
  it('GEN-1.a refuse every move that is not in their tables', () => {
    for (const from of PLAN_STATES) {
      for (const to of PLAN_STATES) {
        const plan = { id: 'p', state: from, changes: 1 };
        if (PLAN_MOVES[from].includes(to)) {
          expect(advance(PLAN_MOVES, plan, { ...step, to })).toMatchObject({ from, to, change: 2 });
          expect(plan).toEqual({ id: 'p', state: to, changes: 2 });
        } else {
          expect(() => advance(PLAN_MOVES, plan, { ...step, to })).toThrow(Problem);
          expect(plan).toEqual({ id: 'p', state: from, changes: 1 });
        }
      }
    }
    for (const from of ITEM_STATES) {
      for (const to of ITEM_STATES) {
        const item = { id: 'i', state: from, changes: 3 };
        if (ITEM_MOVES[from].includes(to)) advance(ITEM_MOVES, item, { ...step, to });
        else expect(() => advance(ITEM_MOVES, item, { ...step, to })).toThrow(Problem);
        expect(item.state).toBe(ITEM_MOVES[from].includes(to) ? to : from);
      }
    }
  });

  it('begin with a first step', () => {
    expect(begin({ id: 'p', state: 'frozen', changes: 0 }, step)).toMatchObject({
      from: null,
      to: 'frozen',
      change: 1,
    });
  });

  it('reach every state, and an end from each', () => {
    expect([...reachable(PLAN_MOVES, ['frozen'])].sort()).toEqual([...PLAN_STATES].sort());
    expect([...reachable(ITEM_MOVES, ['pending', 'excluded'])].sort()).toEqual([...ITEM_STATES].sort());
    for (const state of LIVE) expect(ITEM_MOVES[state].length).toBeGreaterThan(0);
  });

  it('let an item be asked for once', () => {
    const after = reachable(ITEM_MOVES, ITEM_MOVES.requested);
    expect(after.has('requested')).toBe(false);
    expect(after.has('queued')).toBe(false);
  });
});
