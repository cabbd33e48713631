import { describe, expect, it, jest } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { DestinationLane } from './destination-lane.js';
import type { Ticket } from './destination-lane.js';
import { DestinationLanes } from './destination-lanes.js';

const RULE = { failure_threshold: 3, open_ms: 60_000, max_open_ms: 120_000 };

const FAILURE = new Failure({
  ...{ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'http_503', retryable: true, message: 'not now' },
});

function destination(
  name: string,
  concurrency = 2,
  fingerprint: () => string = () => 'a',
  rate_per_s: number | null = null,
) {
  return { name, lane: name, concurrency, rate_per_s, credentialFingerprint: fingerprint };
}

function lane(...limits: [number?, (() => string)?, (number | null)?]): DestinationLane {
  return new DestinationLane(destination('webhook:bot', ...limits), RULE);
}

/** The ticket of a row that has room. */
async function begun(of: DestinationLane): Promise<Ticket> {
  expect(of.take(false)).toBe(true);
  const entry = await of.begin();
  if (entry.kind !== 'go') throw new Error(`held: ${entry.reason}`);
  return entry.ticket;
}

/** How many of `asked` are given room. */
function given(of: DestinationLane, asked: number, overdue = false): number {
  return Array.from({ length: asked }, () => of.take(overdue)).filter(Boolean).length;
}

/** A row's whole way, as one that fails. */
async function fail(of: DestinationLane, attempt: number): Promise<boolean> {
  const ticket = await begun(of);
  const open = ticket.failed(attempt, FAILURE);
  ticket.over();
  of.leave(true);
  return open;
}

describe('DestinationLane', () => {
  it('DEL-9.b gives room to as many as may go at once, and to the next when one leaves', () => {
    const narrow = lane(2);
    expect(given(narrow, 5)).toBe(2);
    expect(narrow.roomInMs()).toBeNull();
    narrow.leave(true);
    expect(given(narrow, 5)).toBe(1);
    narrow.leave(false);
    narrow.leave(false);
    expect(given(narrow, 5)).toBe(2);
  });

  it('DEL-9.b gives no room above the rate, says when there may be some, and takes back what was not used', () => {
    const limited = lane(100, undefined, 2);
    expect(given(limited, 5)).toBe(2);
    expect(limited.roomInMs()).toBeGreaterThan(400);
    expect(limited.roomInMs()).toBeLessThanOrEqual(500);
    limited.leave(true);
    expect(given(limited, 5)).toBe(0);
    limited.leave(false);
    expect(given(limited, 5)).toBe(1);
  });

  it('DEL-8.e opens before one lonely row has spent its quick attempts, wherever it made them', async () => {
    const own = lane();
    expect(await fail(own, 1)).toBe(false);
    // The second attempt was made by another replica.
    expect(await fail(own, 3)).toBe(true);
    expect(own.take(false)).toBe(false);
    expect(own.held()).toMatchObject({ reason: 'circuit_open', failure: { code: 'http_503' } });
  });

  it('DEL-9.c takes a failing row for that row’s own affair while the destination answers others', async () => {
    const alive = lane();
    const ticket = await begun(alive);
    ticket.succeeded();
    ticket.over();
    alive.leave(true);
    expect(await fail(alive, 4)).toBe(false);
    expect(alive.take(false)).toBe(true);
  });

  it('DEL-9.c holds back what had room when the circuit opened', async () => {
    const wide = lane(3);
    expect(given(wide, 2)).toBe(2);
    const ticket = await begun(wide);
    ticket.failed(3, FAILURE);
    ticket.over();
    expect([await wide.begin(), await wide.begin()]).toMatchObject([{ kind: 'held' }, { reason: 'circuit_open' }]);
  });

  it('DEL-9.b begins no more sends at once than its concurrency, and the next when one is over', async () => {
    const fast = lane(1);
    (await begun(fast)).over();
    fast.leave(true);
    // What it took no time for may be claimed ahead.
    expect(given(fast, 10)).toBe(5);
    const first = await fast.begin();
    let began = false;
    const second = fast.begin().then((entry) => {
      began = true;
      return entry;
    });
    await Promise.resolve();
    expect(began).toBe(false);
    if (first.kind === 'go') first.ticket.over();
    expect((await second).kind).toBe('go');
  });

  it('gives a slow destination, one with a rate, and one that fails, no room for what could not go soon', async () => {
    const slow = lane(2);
    jest.useFakeTimers();
    try {
      const ticket = await begun(slow);
      jest.advanceTimersByTime(600);
      ticket.over();
      slow.leave(true);
    } finally {
      jest.useRealTimers();
    }
    expect(given(slow, 10)).toBe(2);
    const limited = lane(1, undefined, 100);
    (await begun(limited)).over();
    limited.leave(true);
    expect(given(limited, 10)).toBe(1);
    const failing = lane(2);
    await fail(failing, 1);
    expect(given(failing, 10)).toBe(2);
  });

  it('DEL-9.c holds back what waits for its turn when the circuit opens, and gives its turn on', async () => {
    const fast = lane(1);
    (await begun(fast)).over();
    fast.leave(true);
    expect(given(fast, 3)).toBe(3);
    const first = await fast.begin();
    const others = [fast.begin(), fast.begin()];
    if (first.kind === 'go') {
      first.ticket.failed(3, FAILURE);
      first.ticket.over();
    }
    expect(await Promise.all(others)).toMatchObject([{ reason: 'circuit_open' }, { reason: 'circuit_open' }]);
  });

  it('DEL-9.c lets another probe go where what became of one could not be stored', async () => {
    const open = new DestinationLane(destination('webhook:bot', 8), { ...RULE, open_ms: 0 });
    await fail(open, 3);
    (await begun(open)).over();
    open.leave(true);
    expect(given(open, 8)).toBe(1);
  });

  it('DEL-9.c gives an open circuit room for one probe, and for another only when that one did not begin', async () => {
    const open = new DestinationLane(destination('webhook:bot', 8), { ...RULE, open_ms: 0 });
    await fail(open, 3);
    expect(given(open, 8)).toBe(1);
    // Nothing was there to be claimed, or what was claimed need not be sent.
    open.leave(false);
    expect(given(open, 8)).toBe(1);
    const entry = await open.begin();
    expect([entry.kind, (await open.begin()).kind, given(open, 8)]).toEqual(['go', 'held', 0]);
    if (entry.kind === 'go') entry.ticket.succeeded();
    open.leave(true);
    expect(given(open, 10)).toBeGreaterThanOrEqual(8);
  });

  it('gives what is overdue room while the circuit is open, within concurrency and rate', async () => {
    const narrow = lane(2);
    await fail(narrow, 3);
    expect(given(narrow, 5, true)).toBe(2);
    expect((await narrow.begin()).kind).toBe('held');
    expect((await narrow.begin(true)).kind).toBe('go');
    const limited = lane(100, undefined, 2);
    await fail(limited, 3);
    expect(given(limited, 5, true)).toBe(1);
  });

  it('OPS-1.b gives no room and begins nothing any more when the process stops', async () => {
    const narrow = lane(1);
    const going = await begun(narrow);
    const waits = narrow.begin();
    narrow.close();
    expect(await Promise.all([waits, narrow.begin()])).toEqual([
      { kind: 'held', reason: 'stopping' },
      { kind: 'held', reason: 'stopping' },
    ]);
    going.succeeded();
    narrow.leave(true);
    expect([narrow.take(false), narrow.take(true), narrow.roomInMs()]).toEqual([false, false, null]);
  });

  it('tries at once again when a refused credential has been replaced, and looks for that every second', async () => {
    let fingerprint = 'old';
    const own = lane(2, () => fingerprint);
    const ticket = await begun(own);
    ticket.refused('credential', FAILURE);
    ticket.over();
    own.leave(true);
    expect([own.take(false), own.held().reason, own.roomInMs()]).toEqual([false, 'credential_refused', 1_000]);
    fingerprint = 'new';
    expect(own.take(false)).toBe(true);
  });
});

describe('DestinationLanes', () => {
  it('WQ-9.h gives the domains behind one mail server its room together', () => {
    const lanes = new DestinationLanes(RULE);
    lanes.of(destination('smtp', 3));
    const domains = ['smtp/a.example', 'smtp/b.example', 'smtp/c.example', 'smtp/d.example'];
    expect(domains.map((each) => lanes.take(each, false))).toEqual([true, true, true, false]);
    lanes.leave('smtp/b.example', true);
    expect(lanes.take('smtp/d.example', false)).toBe(true);
  });

  it('gives a lane that it does not know room for one row, which makes its destination known', () => {
    const lanes = new DestinationLanes(RULE);
    expect([lanes.take('webhook:bot', false), lanes.take('webhook:bot', false)]).toEqual([true, false]);
    lanes.of(destination('webhook:bot', 2));
    expect([1, 2, 3].map(() => lanes.take('webhook:bot', false))).toEqual([true, true, false]);
    // The first one leaves, which was not counted.
    lanes.leave('webhook:bot', true);
    expect(lanes.take('webhook:bot', false)).toBe(false);
    lanes.leave('webhook:bot', true);
    expect(lanes.take('webhook:bot', false)).toBe(true);
  });

  it('DEL-6.a holds nothing back that reaches nobody', () => {
    const lanes = new DestinationLanes(RULE);
    expect(lanes.take('webhook', false)).toBe(true);
    lanes.reachesNobody('webhook');
    expect([1, 2, 3].map(() => lanes.take('webhook', false))).toEqual([true, true, true]);
    lanes.leave('webhook', true);
  });
});
