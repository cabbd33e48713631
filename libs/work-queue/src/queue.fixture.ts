import { randomUUID } from 'node:crypto';
import { Failure, jobEvent } from '@assay/contracts';
import type { OutgoingEvent, StageDelayed } from '@assay/contracts';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { fixedSecret } from '@assay/security';
import { testDatabase } from '@assay/testing';
import type { PostgresProxy } from '@assay/testing';
import type {
  DeadUnit,
  DelayedUnit,
  DoneUnit,
  EventsByItem,
  FailedAttempt,
  NewItem,
  Settle,
  Unit,
  WorkHandler,
  WorkItem,
} from './item.js';
import { ItemRepository } from './item.repository.js';
import type { Lanes } from './lanes.js';
import type { EventPublisher, PublishResult } from './publisher.js';
import { WORK_QUEUE_MIGRATION_SQL } from './schema.js';
import { WorkQueue } from './work-queue.js';
import type { WorkQueueOptions } from './work-queue.js';

/** A process's queue over a database of the test's own, with a table of results whose key refuses a second effect. */
export interface QueueStage {
  database: Database;
  /** Of its database, for a proxy to stand before. */
  url: string;
  items: ItemRepository;
  sql<R extends object>(text: string, params?: unknown[]): Promise<R[]>;
  /** A queue as one more process would have it; stopped by {@link close}. */
  queue(port: EventPublisher, options?: Partial<WorkQueueOptions>): WorkQueue;
  /** The same, over a connection on which things go wrong. */
  queueVia(proxy: PostgresProxy, port: EventPublisher, options?: Partial<WorkQueueOptions>): Promise<WorkQueue>;
  close(): Promise<void>;
}

export async function queueStage(): Promise<QueueStage> {
  const own = await testDatabase('ingest', { empty: true });
  const open = (url = own.url) =>
    new Database({
      url: fixedSecret(url),
      schema: 'ingest',
      pool_size: 10,
      statement_timeout_ms: 10_000,
      application_name: 'work-queue-spec',
    }).open();
  const database = await open();
  for (const text of WORK_QUEUE_MIGRATION_SQL) await database.query(text);
  await database.query(`CREATE TABLE effects (subject_id text PRIMARY KEY, item_id uuid NOT NULL)`);
  const databases = [database];
  const queues: WorkQueue[] = [];
  const queueOver = (over: Database, port: EventPublisher, options: Partial<WorkQueueOptions> = {}): WorkQueue => {
    const queue = new WorkQueue(over, port, {
      owner: `process-${randomUUID()}`,
      lease_ms: 2_000,
      sweep_interval_ms: 60_000,
      priority_ageing_s: 30,
      work_max_bytes: 1024 * 1024,
      publish_max_bytes: 1024 * 1024,
      publish_batch: 100,
      poll_first_ms: 5,
      poll_max_ms: 50,
      ...options,
    });
    queues.push(queue);
    return queue;
  };
  return {
    database,
    url: own.url,
    items: new ItemRepository('direct', 2_000, 30),
    sql: (text, params) => database.query(text, params),
    queue: (port, options) => queueOver(database, port, options),
    queueVia: async (proxy, port, options) => {
      const over = await open(proxy.url(own.url));
      databases.push(over);
      return queueOver(over, port, options);
    },
    close: async () => {
      for (const queue of queues) await queue.stop();
      for (const each of databases) await each.close();
      await own.close();
    },
  };
}

/** The far side of the publisher's port: a ledger of what arrived, which can be away or refuse types of events. */
export class Ledger implements EventPublisher {
  readonly events: OutgoingEvent[] = [];
  available = true;
  refuses: (event: OutgoingEvent) => boolean = () => false;
  #away = false;

  set away(away: boolean) {
    this.#away = away;
    if (away) this.available = false;
  }

  ids(): string[] {
    return this.events.map(({ id }) => id).sort();
  }

  publish(events: readonly OutgoingEvent[]): Promise<PublishResult[]> {
    if (this.#away) {
      const failure = new Failure({
        error_class: 'DEPENDENCY_UNAVAILABLE',
        code: 'away',
        retryable: true,
        message: '',
      });
      return Promise.resolve(events.map(() => ({ kind: 'unavailable', failure })));
    }
    this.available = true;
    return Promise.resolve(
      events.map((event): PublishResult => {
        if (this.refuses(event)) {
          const failure = new Failure({
            error_class: 'PUBLISH_REJECTED',
            code: 'schema',
            retryable: false,
            message: '',
          });
          return { kind: 'rejected', failure };
        }
        this.events.push(event);
        return { kind: 'acked' };
      }),
    );
  }
}

export function anItem(differs: Partial<NewItem> = {}): NewItem {
  return {
    queue: 'paint',
    subject_id: randomUUID(),
    generation: 0,
    priority: 5,
    phase: 'work',
    correlation_id: 'spec',
    traceparent: null,
    ...differs,
  };
}

/** An event about an item's subject. */
export function anEvent(item: Pick<WorkItem, 'subject_id' | 'generation'>, attempt = 1): OutgoingEvent {
  const data: StageDelayed = {
    job_id: item.subject_id,
    source: 'spec',
    changelist_id: '1',
    review_version: 1,
    generation: item.generation,
    revision: attempt,
    occurred_at: '2026-01-01T00:00:00.000Z',
    correlation_id: 'spec',
    stage: 'validate',
    subject_type: 'job',
    subject_id: item.subject_id,
    attempt,
    max_attempts: 5,
    error_class: 'DEPENDENCY_UNAVAILABLE',
    code: 'away',
    next_due_at: '2026-01-01T00:00:00.000Z',
    summary: null,
  };
  return jobEvent('stage.delayed', data, { traceparent: null });
}

/** Room as the test says; nothing for a lane that it does not name. */
export class Rooms implements Lanes {
  readonly taken = new Map<string, number>();
  /** The most that was ever taken at once. */
  readonly most = new Map<string, number>();

  /** @param sizes by lane; changed by the test as it likes */
  constructor(
    readonly sizes: Map<string, number>,
    readonly overdue_sizes = new Map<string, number>(),
  ) {}

  take(lane: string, overdue: boolean): boolean {
    const taken = this.taken.get(lane) ?? 0;
    if (taken >= ((overdue ? this.overdue_sizes : this.sizes).get(lane) ?? 0)) return false;
    this.taken.set(lane, taken + 1);
    this.most.set(lane, Math.max(this.most.get(lane) ?? 0, taken + 1));
    return true;
  }

  leave(lane: string): void {
    this.taken.set(lane, this.taken.get(lane)! - 1);
  }

  roomInMs(): number | null {
    return null;
  }
}

/** A handler whose work is whatever the test says; its effect is one row per subject. */
export class Painter implements WorkHandler<string, string> {
  readonly queue = 'paint';
  readonly stage = 'validate' as const;
  readonly performed: string[][] = [];
  readonly dead: DeadUnit<string>[] = [];
  readonly delays: DelayedUnit<string>[] = [];
  max_attempts = 3;

  constructor(
    private readonly work: (unit: Unit<string>) => Promise<string> = (unit) => Promise.resolve(unit.body),
    readonly lanes?: Lanes,
  ) {}

  retryInMs({ attempt }: FailedAttempt<string>): number | null {
    return attempt < this.max_attempts ? 0 : null;
  }

  load(items: readonly WorkItem[]): Promise<Map<string, string>> {
    return Promise.resolve(new Map(items.map((item) => [item.id, item.subject_id])));
  }

  async perform(units: readonly Unit<string>[], settle: Settle<string, string>): Promise<void> {
    this.performed.push(units.map(({ item }) => item.subject_id));
    await Promise.all(
      units.map(async (unit) => {
        try {
          settle(unit, { kind: 'done', result: await this.work(unit) });
        } catch (error) {
          settle(unit, { kind: 'failed', failure: Failure.from(error) });
        }
      }),
    );
  }

  async store(tx: Tx, done: readonly DoneUnit<string, string>[]): Promise<EventsByItem> {
    await tx.execute(`INSERT INTO effects (subject_id, item_id) SELECT * FROM unnest($1::text[], $2::uuid[])`, [
      done.map(({ result }) => result),
      done.map(({ unit }) => unit.item.id),
    ]);
    return new Map(done.map(({ unit }) => [unit.item.id, [anEvent(unit.item)]]));
  }

  delayed(_tx: Tx, units: readonly DelayedUnit<string>[]): Promise<OutgoingEvent[]> {
    this.delays.push(...units);
    return Promise.resolve(units.map(({ unit, attempt }) => anEvent(unit.item, attempt)));
  }

  deadLettered(_tx: Tx, units: readonly DeadUnit<string>[]): Promise<EventsByItem> {
    this.dead.push(...units);
    return Promise.resolve(new Map(units.map(({ unit }) => [unit.item.id, [anEvent(unit.item, 99)]])));
  }
}

export function retryable(code = 'busy'): Failure {
  return new Failure({ error_class: 'DEPENDENCY_UNAVAILABLE', code, retryable: true, message: code });
}
