import { Inject, Injectable } from '@nestjs/common';
import type { ReplayAccepted, ReplayRefused } from '@assay/contracts';
import { counter } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { ChangesService, LettersRepository, move, OWN_ACTOR } from '../letters/index.js';
import type { Announcement } from '../letters/index.js';
import { ReplayChangesService } from './replay-changes.service.js';
import type { ReplayMoves } from './replay-changes.service.js';
import { advance, ITEM_MOVES } from './replay-machines.js';
import type { ItemMove, ReplayItem } from './replay-plan.js';
import { ReplayRepository } from './replay.repository.js';
import { VerificationService } from './verification.service.js';

const ignored = counter('assay_replay_answers_ignored_total', 'Answers to replays that were redelivered or came late.');

/** What ingest answers to a request; in any order with what came of it, any number of times (GEN-9). */
@Injectable()
export class AnswersService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(LettersRepository) private readonly letters: LettersRepository,
    @Inject(ChangesService) private readonly letterChanges: ChangesService,
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReplayChangesService) private readonly changes: ReplayChangesService,
    @Inject(VerificationService) private readonly verification: VerificationService,
  ) {}

  async accepted(answers: readonly ReplayAccepted[]): Promise<void> {
    this.changes.report(await this.database.transaction((tx) => this.#accept(tx, answers)));
  }

  async refused(answers: readonly ReplayRefused[]): Promise<void> {
    const { announcement, moves } = await this.database.transaction((tx) => this.#refuse(tx, answers));
    this.letterChanges.announce(announcement);
    this.changes.report(moves);
  }

  async #accept(tx: Tx, answers: readonly ReplayAccepted[]): Promise<ReplayMoves> {
    const plans = await this.replays.lockPlans(tx, [...new Set(answers.map(({ plan_id }) => plan_id))]);
    const by_item = new Map(answers.map((answer) => [answer.item_id, answer]));
    const items = await this.replays.items(tx, [...by_item.keys()]);
    const moves: ItemMove[] = [];
    const late: ReplayItem[] = [];
    for (const item of items) {
      const { generation, correlation_id } = by_item.get(item.id)!;
      if (item.accepted_generation === null) late.push(item);
      else tx.afterCommit(() => ignored.add(1, { answer: 'accepted' }));
      item.accepted_generation ??= generation;
      if (item.state !== 'requested') continue;
      moves.push(
        advance(ITEM_MOVES, item, { to: 'accepted', cause: 'accepted', actor: 'service:ingest', correlation_id }),
      );
    }
    await this.replays.update(tx, [], late);
    return this.changes.store(tx, [...plans.values()], { plans: [], items: moves });
  }

  /** The dead letter stands open again where an operator sees it, with the code in its history. */
  async #refuse(
    tx: Tx,
    answers: readonly ReplayRefused[],
  ): Promise<{ announcement: Announcement; moves: ReplayMoves }> {
    const by_letter = new Map(answers.map((answer) => [answer.dead_letter_id, answer]));
    const letters = await this.letters.lockMany(tx, [...by_letter.keys()]);
    const asked = await this.verification.underWay(tx, letters.values());
    const transitions = [...letters.values()].flatMap((letter) => {
      const { item_id, code, correlation_id } = by_letter.get(letter.id)!;
      if (asked.get(letter.id)?.id !== item_id) {
        tx.afterCommit(() => ignored.add(1, { answer: 'refused' }));
        return [];
      }
      return [move(letter, { to: 'open', cause: 'replay_refused', actor: OWN_ACTOR, note: code, correlation_id })];
    });
    const announcement = await this.letterChanges.store(
      tx,
      transitions.map(({ letter }) => letter),
      transitions,
    );
    return { announcement, moves: await this.verification.follow(tx, transitions, new Map()) };
  }
}
