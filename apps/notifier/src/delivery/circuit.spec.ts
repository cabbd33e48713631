import { beforeEach, describe, expect, it } from '@jest/globals';
import { Circuit } from './circuit.js';

const rule = { failure_threshold: 3, open_ms: 1_000, max_open_ms: 3_000 };
let now_ms = 0;
let circuit: Circuit;

beforeEach(() => {
  now_ms = 50_000;
  circuit = new Circuit(rule, () => now_ms);
});

function fail(times: number): void {
  for (let n = 0; n < times; n += 1) circuit.failed();
}

describe('Circuit', () => {
  it('DEL-9.c opens after as many failures in a row as its rule names, and not before', () => {
    fail(2);
    expect(circuit.ask()).toBe('go');
    fail(1);
    expect([circuit.ask(), circuit.waitMs()]).toEqual(['wait', 1_000]);
  });

  it('DEL-9.c forgets failures once the destination answers', () => {
    fail(2);
    circuit.succeeded();
    fail(2);
    expect(circuit.phase).toBe('closed');
  });

  it('DEL-9.c lets exactly one probe through once the wait is over', () => {
    fail(3);
    now_ms += 1_000;
    expect([circuit.ask(), circuit.ask()]).toEqual(['probe', 'wait']);
    circuit.succeeded();
    expect(circuit.ask()).toBe('go');
  });

  it('DEL-9.c stays open twice as long after each failed probe, up to its longest', () => {
    fail(3);
    const waits_ms = [1, 2, 3].map(() => {
      now_ms += 10_000;
      expect(circuit.ask()).toBe('probe');
      circuit.failed();
      expect(circuit.ask()).toBe('wait');
      return circuit.waitMs();
    });
    expect(waits_ms).toEqual([2_000, 3_000, 3_000]);
  });

  it('DEL-9.c lets another probe go when the first did not take place', () => {
    fail(3);
    now_ms += 1_000;
    circuit.ask();
    circuit.probeWithdrawn();
    expect(circuit.ask()).toBe('probe');
  });

  it('DEL-7.d opens at once when the credential is refused', () => {
    circuit.refused();
    expect([circuit.ask(), circuit.waitMs()]).toEqual(['wait', 3_000]);
    now_ms += 4_000;
    expect(circuit.openForMs()).toBe(4_000);
  });
});
