import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { counter, createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { Liveness, lookIntervalMs, PeriodicTask } from '@assay/service';
import { oneByOne } from '@assay/work-queue';
import { OWN_ACTOR } from '../letters/index.js';
import type { DeadLetter } from '../letters/index.js';
import { ReopeningService } from './reopening.service.js';
import type { Reopened } from './reopening.service.js';
import { REPLAY_CONFIG } from './replay.settings.js';
import type { ReplaySettings } from './replay.settings.js';
import { ReplayRepository } from './replay.repository.js';
import { SilentReplaysRepository } from './silent-replays.repository.js';

const log = createLog('dead-letter.silent', ['replay_timed_out', 'look_failed']);
const timed_out = counter('assay_replays_timed_out_total', 'Replays that nobody told of for too long, by action.');

const LOOK_LIMIT = 100;

/** No dead letter is `replaying` for ever (DLQ-5): one whose replay nobody tells of stands open again. */
@Injectable()
export class SilentReplaysService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #task: PeriodicTask;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SilentReplaysRepository) private readonly repository: SilentReplaysRepository,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReopeningService) private readonly reopening: ReopeningService,
    @Inject(Liveness) liveness: Liveness,
    @Inject(REPLAY_CONFIG) private readonly settings: ReplaySettings,
  ) {
    const interval_ms = lookIntervalMs(settings.replay_timeout_ms);
    this.#task = new PeriodicTask(liveness, { name: 'silent_replays', interval_ms, run: () => this.lookOnce() });
  }

  onApplicationBootstrap(): void {
    this.#task.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.#task.stop();
  }

  /** Looks once; returns how many replays it has given up. One that cannot be is left, and alone (GEN-7). */
  async lookOnce(): Promise<number> {
    let given_up = 0;
    const left = await oneByOne(
      await this.repository.find(this.database, this.settings.replay_timeout_ms, LOOK_LIMIT),
      async (ids) => void (given_up += await this.#giveUp(ids)),
      (dead_letter_id, failure) => log.error('look_failed', { dead_letter_id }, failure),
    );
    if (left) throw left.failure;
    return given_up;
  }

  async #giveUp(dead_letter_ids: readonly string[]): Promise<number> {
    const reopened = await this.database.transaction((tx) => this.#reopen(tx, dead_letter_ids));
    if (reopened === null) return 0;
    this.reopening.announce(reopened);
    for (const { subject } of reopened.moves.items) {
      const { id: item_id, plan_id, dead_letter_id, job_id, requested_at, action } = subject;
      log.error('replay_timed_out', { item_id, plan_id, dead_letter_id, job_id, requested_at });
      timed_out.add(1, { action });
    }
    return reopened.moves.items.length;
  }

  /** Answers that a plan's lock is waited for come first: an item that was accepted meanwhile has had its word. */
  async #reopen(tx: Tx, dead_letter_ids: readonly string[]): Promise<Reopened | null> {
    const letters = await this.repository.lock(tx, dead_letter_ids);
    if (letters.length === 0) return null;
    const ids = letters.map(({ id }) => id);
    const asked = await this.replays.underWay(tx, ids);
    await this.replays.lockPlans(tx, [...new Set(asked.map(({ plan_id }) => plan_id))]);
    const silent = await this.repository.stillSilent(tx, ids, this.settings.replay_timeout_ms);
    return this.reopening.reopen(
      tx,
      letters.filter(({ id }) => silent.has(id)),
      timedOut,
    );
  }
}

function timedOut({ correlation_id }: DeadLetter) {
  return { cause: 'replay_timed_out', actor: OWN_ACTOR, correlation_id };
}
