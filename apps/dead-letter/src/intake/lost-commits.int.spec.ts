import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DeadLetterChanged } from '@assay/contracts';
import { eventually, PostgresProxy } from '@assay/testing';
import type { Collector } from '@assay/testing';
import { aFailure, aSettlement, deadLetterStage, failureEvent, settledEvent } from '../dead-letter.fixture.js';
import type { DeadLetterStage } from '../dead-letter.fixture.js';

jest.setTimeout(60_000);

let stage: DeadLetterStage;
let proxy: PostgresProxy;
let changed: Collector;
beforeEach(async () => {
  stage = await deadLetterStage(async (url) => {
    proxy = await PostgresProxy.start(url);
    return proxy.url(url);
  });
  changed = await stage.kafka.consume('dead_letter.changed');
});
afterEach(async () => {
  proxy.lift();
  await stage.close();
  await proxy.close();
});

const states = async () => {
  const rows = await stage.database.sql<{ state: string; n: string }>(
    'SELECT state, count(*) AS n FROM dead_letters GROUP BY 1',
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
};

/** The states that each letter was told to be in. */
const toldStates = () => {
  const told = new Map<string, Set<string>>();
  for (const record of changed.records) {
    const { dead_letter_id, state } = record.json<DeadLetterChanged>();
    told.set(dead_letter_id, (told.get(dead_letter_id) ?? new Set()).add(state));
  }
  return [...told.values()].map((of) => [...of].sort().join());
};

async function failThenSettle(rounds: number, of: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const failures = Array.from({ length: of }, () => aFailure());
    await stage.send(...failures.map(failureEvent));
    await eventually(async () => expect((await states()).open).toBe(of), { within_ms: 30_000 });
    await stage.send(...failures.map((failure) => settledEvent(aSettlement(failure, 'sent'))));
    await eventually(async () => expect(await states()).toEqual({ resolved: of * (round + 1) }), { within_ms: 30_000 });
  }
  await eventually(
    () => {
      expect(toldStates()).toHaveLength(rounds * of);
      expect([...new Set(toldStates())]).toEqual(['open,resolved']);
    },
    { within_ms: 30_000 },
  );
}

describe('commits of dead-letter', () => {
  it('WQ-10.e opens and resolves each letter once and tells of both, with the answer of one commit in 2 lost', async () => {
    proxy.cutAfterCommit({ share: 1 / 2 });
    await failThenSettle(4, 10);
    expect(proxy.cuts).toBeGreaterThan(3);
  });

  it('GEN-5.d opens and resolves each letter and tells of both when one commit in 2 never arrives', async () => {
    proxy.cutBeforeCommit({ share: 1 / 2 });
    await failThenSettle(4, 10);
    expect(proxy.cuts).toBeGreaterThan(3);
  });

  it('GEN-5.e, GEN-10.a goes on by new connections when those that stand are silent', async () => {
    await failThenSettle(1, 5);
    proxy.blackHole('standing');
    const failure = aFailure();
    await stage.send(failureEvent(failure));
    await eventually(async () => expect(await stage.letterOf(failure.subject_id)).toMatchObject({ state: 'open' }), {
      within_ms: 40_000,
    });
  });
});
