import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { DestinationLane } from './destination-lane.js';
import type { Entry, Ticket } from './destination-lane.js';

const RULE = { failure_threshold: 3, open_ms: 60_000, max_open_ms: 120_000 };

const FAILURE = new Failure({
  ...{ error_class: 'DEPENDENCY_UNAVAILABLE', code: 'http_503', retryable: true, message: 'not now' },
});

function lane(
  concurrency = 2,
  fingerprint: () => string = () => 'a',
  rate_per_s: number | null = null,
): DestinationLane {
  return new DestinationLane(
    { name: 'webhook:bot', concurrency, rate_per_s, credentialFingerprint: fingerprint },
    RULE,
  );
}

function ticketOf(entry: Entry): Ticket {
  if (entry.kind !== 'go') throw new Error(`parked: ${entry.reason}`);
  return entry.ticket;
}

describe('DestinationLane', () => {
  it('DEL-9.b lets so many go at once, lets few wait and parks the others', async () => {
    const narrow = lane(2);
    const going = [ticketOf(await narrow.enter()), ticketOf(await narrow.enter())];
    const waiting = Array.from({ length: 8 }, () => narrow.enter());
    expect(await narrow.enter()).toMatchObject({ kind: 'park', reason: 'destination_busy' });
    for (const ticket of going) ticket.succeeded();
    expect((await Promise.all(waiting.slice(0, 2))).map(({ kind }) => kind)).toEqual(['go', 'go']);
    for (const entry of waiting) void entry.then((one) => ticketOf(one).succeeded());
    expect((await Promise.all(waiting)).every(({ kind }) => kind === 'go')).toBe(true);
  });

  it('DEL-9.b parks what comes above the rate, with a free slot or without', async () => {
    const limited = lane(100, undefined, 2);
    const entries = [await limited.enter(), await limited.enter(), await limited.enter()];
    expect(entries.map(({ kind }) => kind)).toEqual(['go', 'go', 'park']);
    expect(entries[2]).toMatchObject({ reason: 'rate_limited' });
  });

  it('DEL-8.e opens before one lonely row has spent its quick attempts, wherever it made them', async () => {
    const own = lane();
    expect(ticketOf(await own.enter()).failed(1, FAILURE)).toBe(false);
    // The second attempt was made by another replica.
    expect(ticketOf(await own.enter()).failed(3, FAILURE)).toBe(true);
    expect(await own.enter()).toMatchObject({ kind: 'park', reason: 'circuit_open', failure: { code: 'http_503' } });
  });

  it('DEL-9.c takes a failing row for that row’s own affair while the destination answers others', async () => {
    const alive = lane();
    ticketOf(await alive.enter()).succeeded();
    expect(ticketOf(await alive.enter()).failed(4, FAILURE)).toBe(false);
    expect((await alive.enter()).kind).toBe('go');
  });

  it('DEL-9.c sends those that waited back to the queue when the circuit opens meanwhile', async () => {
    const narrow = lane(1);
    const ticket = ticketOf(await narrow.enter());
    const waiting = [narrow.enter(), narrow.enter()];
    ticket.failed(3, FAILURE);
    for (const entry of await Promise.all(waiting))
      expect(entry).toMatchObject({ kind: 'park', reason: 'circuit_open' });
  });

  it('OPS-1.b turns those that wait away when the process stops, and lets nobody in any more', async () => {
    const narrow = lane(1);
    const going = ticketOf(await narrow.enter());
    const waiting = narrow.enter();
    narrow.close();
    expect(await waiting).toEqual({ kind: 'park', due_in_ms: 0, reason: 'stopping' });
    going.succeeded();
    expect(await narrow.enter()).toMatchObject({ reason: 'stopping' });
  });

  it('tries at once again when a refused credential has been replaced', async () => {
    let fingerprint = 'old';
    const own = lane(2, () => fingerprint);
    ticketOf(await own.enter()).refused('credential', FAILURE);
    expect(await own.enter()).toMatchObject({ kind: 'park', reason: 'credential_refused' });
    fingerprint = 'new';
    expect((await own.enter()).kind).toBe('go');
  });
});
