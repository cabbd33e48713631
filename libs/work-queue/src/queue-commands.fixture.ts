import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { WorkItem } from './item.js';
import { anItem } from './queue.fixture.js';
import { expectSame } from './queue-model.fixture.js';
import type { ModelItem, QueueModel, Real } from './queue-model.fixture.js';

type Act = (model: QueueModel, real: Real) => Promise<void>;

class Command implements fc.AsyncCommand<QueueModel, Real> {
  constructor(
    private readonly title: string,
    private readonly act: Act,
  ) {}

  check(): boolean {
    return true;
  }

  async run(model: QueueModel, real: Real): Promise<void> {
    await this.act(model, real);
    await expectSame(model, real);
  }

  toString(): string {
    return this.title;
  }
}

const HOUR_MS = 3_600_000;
const idsOf = (items: readonly { id: string }[]) => items.map(({ id }) => id).sort();

/** Creates items, the first of them born claimed. */
const insert = (owner: number, priorities: readonly number[], claimed: number, later: boolean): Act => {
  return async (model, { database, owners }) => {
    const due_in_ms = later ? HOUR_MS : 0;
    const items = priorities.map((priority) => anItem({ priority, due_in_ms }));
    const born = await database.transaction((tx) => owners[owner]!.insert(tx, items, claimed));
    born.forEach((handle, index) => {
      const { id, priority } = handle;
      const fresh = { id, priority, state: 'queued', phase: 'work', attempts: 0, crashes: 0 } as const;
      const nobodys = { owner: null, token: null, expired_token: null, over: false };
      const item: ModelItem = { ...fresh, ...nobodys, later, due: model.nextTurn() };
      model.items.set(id, item);
      model.inserted += 1;
      if (index < claimed) model.take(item, handle);
    });
  };
};

/** A claim takes as many as there are, the first by priority and due time; of those due together, any. */
function expectFirst(claimed: readonly WorkItem[], due: readonly ModelItem[], limit: number): void {
  expect(claimed).toHaveLength(Math.min(limit, due.length));
  const order = (item: ModelItem) => [item.priority, item.due];
  const byId = new Map(due.map((item) => [item.id, item]));
  expect(claimed.map(({ id }) => order(byId.get(id)!))).toEqual(due.slice(0, limit).map(order));
}

const claimDue = (owner: number, limit: number): Act => {
  return async (model, { database, owners }) => {
    const due = model.due(({ phase, crashes }) => phase === 'work' && crashes === 0);
    const claimed = await owners[owner]!.claimDue(database, 'paint', limit);
    expectFirst(claimed, due, limit);
    for (const handle of claimed) model.take(model.items.get(handle.id)!, handle);
  };
};

/** One at a time, the one that has been due longest. */
const claimSuspect = (owner: number): Act => {
  return async (model, { database, owners }) => {
    const suspects = model.due(({ phase, crashes }) => phase === 'work' && crashes > 0);
    const claimed = await owners[owner]!.claimSuspect(database, 'paint');
    const first = Math.min(...suspects.map(({ due }) => due));
    expect(claimed).toHaveLength(Math.min(1, suspects.length));
    for (const handle of claimed) {
      expect(model.items.get(handle.id)!.due).toBe(first);
      model.take(model.items.get(handle.id)!, handle);
    }
  };
};

const claimUnpublished = (owner: number, limit: number): Act => {
  return async (model, { database, owners }) => {
    const due = model.due(({ phase }) => phase === 'publish');
    const claimed = await owners[owner]!.claimUnpublished(database, limit);
    expectFirst(claimed, due, limit);
    for (const handle of claimed) model.take(model.items.get(handle.id)!, handle);
  };
};

/** Runs a guarded statement with leases new and old: it may touch those that hold, and must say which they were. */
const guarded = (
  owner: number,
  picks: readonly number[],
  write: (real: Real, handles: readonly WorkItem[]) => Promise<Iterable<string>>,
  then: (item: ModelItem, model: QueueModel, turn: number) => void,
): Act => {
  return async (model, real) => {
    const handles = model.handlesOf(real.owners[owner]!.owner, picks);
    const held = handles.flatMap((handle) => model.heldBy(handle) ?? []);
    expect([...(await write(real, handles))].sort()).toEqual(idsOf(held));
    const turn = model.nextTurn();
    for (const item of held) then(item, model, turn);
  };
};

const renew = (owner: number, picks: readonly number[]) =>
  guarded(
    owner,
    picks,
    ({ database, owners }, handles) => owners[owner]!.renew(database, handles),
    (item) => void (item.over = false),
  );

const putBack = (owner: number, picks: readonly number[], attempt_failed: boolean, later: boolean) =>
  guarded(
    owner,
    picks,
    async ({ database, owners }, handles) => {
      const due_in_ms = later ? HOUR_MS : 0;
      const entries = handles.map((item) => ({ item, due_in_ms, attempt_failed }));
      return (await owners[owner]!.putBack(database, entries)).keys();
    },
    (item, model, turn) => {
      model.queue(item, later, turn);
      if (attempt_failed) Object.assign(item, { attempts: item.attempts + 1, crashes: 0 });
    },
  );

/** Stores the effect of what is owned and in phase `work`: it ends, or goes on to be published. */
const settle = (owner: number, picks: readonly number[], tells: boolean): Act => {
  return async (model, { database, owners }) => {
    const repository = owners[owner]!;
    const handles = model.handlesOf(repository.owner, picks);
    const held = handles.filter((handle) => model.heldBy(handle));
    await database.transaction(async (tx) => {
      const locked = await repository.lockOwned(tx, handles);
      expect([...locked.keys()].sort()).toEqual(idsOf(held));
      for (const { id } of held) expect(locked.get(id)!.phase).toBe(model.items.get(id)!.phase);
      const effective = held.filter(({ id }) => locked.get(id)!.phase === 'work');
      if (tells)
        repository.advanceLocked(
          tx,
          effective.map((item) => ({ item, payload: null })),
        );
      else await repository.remove(tx, effective);
      for (const { id } of effective) endWork(model, id, tells);
    });
  };
};

function endWork(model: QueueModel, id: string, tells: boolean): void {
  model.effects.set(id, (model.effects.get(id) ?? 0) + 1);
  if (tells) Object.assign(model.items.get(id)!, { phase: 'publish', attempts: 0, crashes: 0, over: false });
  else model.items.delete(id);
}

/** Kafka has acknowledged what was told; an item whose effect is still to come is not among it. */
const acknowledge = (owner: number, picks: readonly number[]): Act => {
  return async (model, { database, owners }) => {
    const told = model
      .handlesOf(owners[owner]!.owner, picks)
      .filter((handle) => model.items.get(handle.id)?.phase !== 'work');
    const held = told.filter((handle) => model.heldBy(handle));
    await owners[owner]!.removeAcknowledged(database, told);
    for (const { id } of held) model.items.delete(id);
  };
};

/** The owner says nothing for longer than its leases. */
const silence = (owner: number): Act => {
  return async (model, { database, owners }) => {
    const name = owners[owner]!.owner;
    await database.execute(
      `UPDATE work_items SET lease_expires_at = clock_timestamp() - interval '1 s' WHERE claimed_by = $1`,
      [name],
    );
    for (const item of model.items.values()) if (item.owner === name) item.over = true;
  };
};

const sweep = (): Act => {
  return async (model, { database, owners }) => {
    const over = [...model.items.values()].filter((item) => item.over);
    const swept = await owners[0]!.sweep(database, 1_000);
    expect(swept).toHaveLength(over.length);
    const turn = model.nextTurn();
    for (const item of over) {
      item.expired_token = item.token;
      if (item.phase === 'work') item.crashes += 1;
      model.queue(item, false, turn);
    }
  };
};

/** An owner that was given up comes back: its crash was none, unless another has claimed the item since. */
const comeBack = (owner: number, picks: readonly number[]): Act => {
  return async (model, { database, owners }) => {
    const handles = model.handlesOf(owners[owner]!.owner, picks);
    const forgiven = handles.flatMap(({ id, lease }) => {
      const item = model.items.get(id);
      return item && item.expired_token === lease.token ? [item] : [];
    });
    expect(await owners[owner]!.forgive(database, handles)).toBe(forgiven.length);
    for (const item of forgiven) Object.assign(item, { crashes: Math.max(0, item.crashes - 1), expired_token: null });
  };
};

/** What was to wait is due now. */
export const passTime: Act = async (model, { database }) => {
  await database.execute(
    `UPDATE work_items SET due_at = clock_timestamp() WHERE due_at > clock_timestamp() + interval '1 min'`,
  );
  const turn = model.nextTurn();
  for (const item of model.items.values()) if (item.later) Object.assign(item, { later: false, due: turn });
};

const owner = fc.nat({ max: 2 });
/** Mostly what an owner has just claimed. */
const picks = fc.array(fc.oneof(fc.nat({ max: 4 }), fc.nat()), { minLength: 1, maxLength: 8 });
const limit = fc.integer({ min: 1, max: 6 });
const priorities = fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 5 });

function command<T extends unknown[]>(
  name: string,
  act: (...args: T) => Act,
  ...args: { [K in keyof T]: fc.Arbitrary<T[K]> }
) {
  return fc
    .tuple<T>(...args)
    .map((drawn) => new Command(`${name}(${JSON.stringify(drawn).slice(1, -1)})`, act(...drawn)));
}

export const QUEUE_COMMANDS: fc.Arbitrary<fc.AsyncCommand<QueueModel, Real>>[] = [
  command('insert', insert, owner, priorities, fc.nat({ max: 5 }), fc.boolean()),
  command('insert', insert, owner, priorities, fc.constant(0), fc.constant(false)),
  command('claimDue', claimDue, owner, limit),
  command('claimDue', claimDue, owner, limit),
  command('claimSuspect', claimSuspect, owner),
  command('claimSuspect', claimSuspect, owner),
  command('claimUnpublished', claimUnpublished, owner, limit),
  command('renew', renew, owner, picks),
  command('putBack', putBack, owner, picks, fc.boolean(), fc.boolean()),
  command('settle', settle, owner, picks, fc.boolean()),
  command('acknowledge', acknowledge, owner, picks),
  command('silence', silence, owner),
  command('sweep', sweep),
  command('comeBack', comeBack, owner, picks),
  command('passTime', () => passTime),
];

/** Whoever is left takes all that is left to its end. */
export async function drain(model: QueueModel, real: Real): Promise<void> {
  for (const n of real.owners.keys()) await silence(n)(model, real);
  await passTime(model, real);
  await sweep()(model, real);
  while (model.due(({ phase, crashes }) => phase === 'work' && crashes > 0).length > 0) {
    await claimSuspect(0)(model, real);
  }
  await claimDue(0, 1_000)(model, real);
  await claimUnpublished(0, 1_000)(model, real);
  const own = model.handles.filter(({ lease }) => lease.owner === real.owners[0]!.owner);
  const all = [...own.keys()];
  await settle(0, all, true)(model, real);
  await acknowledge(0, all)(model, real);
  await expectSame(model, real);
}
