import { describe, expect, it } from '@jest/globals';
import { DELIVERY_STATES } from '@assay/contracts';
import { DELIVERY_CAUSES, DELIVERY_MOVES, mayMove } from './delivery-states.js';

describe('DELIVERY_MOVES', () => {
  it('DEL-2.a names no state outside the nine, and reaches every one of them', () => {
    const reached = new Set(DELIVERY_MOVES.map(({ to }) => to));
    for (const { from, to } of DELIVERY_MOVES) {
      expect(DELIVERY_STATES).toContain(to);
      if (from !== null) expect(DELIVERY_STATES).toContain(from);
    }
    expect([...DELIVERY_STATES].filter((state) => !reached.has(state))).toEqual([]);
  });

  it('DEL-2.a leaves sent and superseded for good, and unknown to an operator', () => {
    expect(DELIVERY_MOVES.filter(({ from }) => from === 'sent' || from === 'superseded')).toEqual([]);
    const decided = DELIVERY_MOVES.filter(({ from }) => from === 'unknown').flatMap(({ causes }) => causes);
    expect(decided.toSorted()).toEqual(['recipient_corrected', 'resent', 'superseded_by_newer_version', 'waived']);
  });

  it('DEL-2.a answers for each move and its cause', () => {
    expect(mayMove('pending', 'sending', 'intent_recorded')).toBe(true);
    expect(mayMove('pending', 'waived', 'provider_accepted')).toBe(false);
    expect(mayMove('sending', 'sent', 'attempt_failed')).toBe(false);
  });

  it('DEL-2.a uses every cause that it lists', () => {
    const used = new Set(DELIVERY_MOVES.flatMap(({ causes }) => causes));
    expect([...DELIVERY_CAUSES].filter((cause) => !used.has(cause))).toEqual([]);
  });
});
