import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ItemRepository } from './item.repository.js';
import { drain, QUEUE_COMMANDS } from './queue-commands.fixture.js';
import { queueStage } from './queue.fixture.js';
import type { QueueStage } from './queue.fixture.js';
import { QueueModel } from './queue-model.fixture.js';

const { ASSAY_PROPERTY_RUNS = '30', ASSAY_PROPERTY_SEED } = process.env;
/** Leases end when a command says so, and waiting outweighs no priority. */
const [LEASE_MS, AGEING_S] = [3_600_000, 1_000_000];
const OWNERS = ['alpha', 'beta', 'gamma'].map((name) => new ItemRepository(name, LEASE_MS, AGEING_S));

let stage: QueueStage;
beforeAll(async () => (stage = await queueStage()));
afterAll(() => stage.close());

/** A failure tells its seed and the shortest order of commands; `ASSAY_PROPERTY_SEED` brings the same again. */
it('WQ-1.a, WQ-1.b, WQ-2.a, WQ-3.a, WQ-4.a, WQ-4.c and WQ-4.e keeps to its rules in whatever order three owners act', async () => {
  const real = { database: stage.database, owners: OWNERS };
  const property = fc.asyncProperty(fc.commands(QUEUE_COMMANDS, { maxCommands: 50, size: 'max' }), async (commands) => {
    await stage.sql('DELETE FROM work_items');
    const model = new QueueModel();
    await fc.asyncModelRun(() => ({ model, real }), commands);
    await drain(model, real);
    expect([model.items.size, model.effects.size]).toEqual([0, model.inserted]);
  });
  const seed = ASSAY_PROPERTY_SEED === undefined ? {} : { seed: Number(ASSAY_PROPERTY_SEED) };
  await fc.assert(property, { numRuns: Number(ASSAY_PROPERTY_RUNS), ...seed });
});
