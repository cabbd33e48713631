import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '@assay/postgres';
import { ChangesService, move } from '../letters/index.js';
import type { Announcement, DeadLetter, Step } from '../letters/index.js';
import type { ReplayMoves } from './replay-changes.service.js';
import { VerificationService } from './verification.service.js';

/** Dead letters that stand open again, and what that made of their items and plans. */
export interface Reopened {
  announcement: Announcement;
  moves: ReplayMoves;
}

/** Ends replays that nothing has come of: refused, without a word for too long, or by an operator's act (DLQ-5). */
@Injectable()
export class ReopeningService {
  constructor(
    @Inject(ChangesService) private readonly changes: ChangesService,
    @Inject(VerificationService) private readonly verification: VerificationService,
  ) {}

  /** `letters` are locked and `replaying`. Call {@link announce} after the commit. */
  async reopen(
    tx: Tx,
    letters: readonly DeadLetter[],
    stepOf: (letter: DeadLetter) => Omit<Step, 'to'>,
    generations: ReadonlyMap<string, number> = new Map(),
  ): Promise<Reopened> {
    const transitions = letters.map((letter) => move(letter, { ...stepOf(letter), to: 'open' }));
    const announcement = await this.changes.store(tx, letters, transitions);
    return { announcement, moves: await this.verification.follow(tx, transitions, generations) };
  }

  announce({ announcement, moves }: Reopened): void {
    this.changes.announce(announcement);
    this.verification.report(moves);
  }
}
