import { Inject, Injectable } from '@nestjs/common';
import type { ReplayAccepted, ReplayRefused } from '@assay/contracts';
import { counter } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { LettersRepository, OWN_ACTOR } from '../letters/index.js';
import { ReplayChangesService } from './replay-changes.service.js';
import type { ReplayMoves } from './replay-changes.service.js';
import { ReopeningService } from './reopening.service.js';
import type { Reopened } from './reopening.service.js';
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
    @Inject(ReplayRepository) private readonly replays: ReplayRepository,
    @Inject(ReplayChangesService) private readonly changes: ReplayChangesService,
    @Inject(ReopeningService) private readonly reopening: ReopeningService,
    @Inject(VerificationService) private readonly verification: VerificationService,
  ) {}

  async accepted(answers: readonly ReplayAccepted[]): Promise<void> {
    this.changes.report(await this.database.transaction((tx) => this.#accept(tx, answers)));
  }

  async refused(answers: readonly ReplayRefused[]): Promise<void> {
    this.reopening.announce(await this.database.transaction((tx) => this.#refuse(tx, answers)));
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
  async #refuse(tx: Tx, answers: readonly ReplayRefused[]): Promise<Reopened> {
    const by_letter = new Map(answers.map((answer) => [answer.dead_letter_id, answer]));
    const letters = await this.letters.lockMany(tx, [...by_letter.keys()]);
    const asked = await this.verification.underWay(tx, letters.values());
    const refused = [...letters.values()].filter((letter) => {
      const answers_it = asked.get(letter.id)?.id === by_letter.get(letter.id)!.item_id;
      if (!answers_it) tx.afterCommit(() => ignored.add(1, { answer: 'refused' }));
      return answers_it;
    });
    const generations = new Map(answers.map((answer) => [answer.dead_letter_id, answer.job_generation ?? 0]));
    return this.reopening.reopen(
      tx,
      refused,
      (letter) => {
        const { code, correlation_id } = by_letter.get(letter.id)!;
        return { cause: 'replay_refused', actor: OWN_ACTOR, note: code, correlation_id };
      },
      generations,
    );
  }
}
