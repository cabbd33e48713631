import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { currentContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { actorOf, redact, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { AuditTrail } from '../audit/index.js';
import { illegalMove, LettersRepository } from '../letters/index.js';
import type { DeadLetter } from '../letters/index.js';
import { requireUuid } from '../scope.js';
import { ReopeningService } from './reopening.service.js';
import type { Reopened } from './reopening.service.js';

const CAUSE = 'replay_ended';

/** An operator waits no longer for a replay (DLQ-5). What was asked for runs its course, and may still resolve it. */
@Injectable()
export class EndReplayService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(LettersRepository) private readonly letters: LettersRepository,
    @Inject(ReopeningService) private readonly reopening: ReopeningService,
    @Inject(AuditTrail) private readonly trail: AuditTrail,
  ) {}

  /** Done twice it changes nothing. Throws 404, and 409 `illegal_transition` where no replay is under way. */
  async end(id: string, reason: string, principal: Principal): Promise<void> {
    requireUuid(id);
    const reopened = await this.database.transaction(async (tx) => {
      const letter = await this.letters.lockOne(tx, id, sourcesOf(principal));
      if (!letter) throw new Problem('not_found');
      return this.#end(tx, letter, reason, principal);
    });
    if (reopened) this.reopening.announce(reopened);
  }

  async #end(tx: Tx, letter: DeadLetter, reason: string, principal: Principal): Promise<Reopened | null> {
    if (letter.state === 'replaying') {
      const { correlation_id } = currentContext();
      const step = { cause: CAUSE, actor: actorOf(principal), note: redact(reason), correlation_id };
      const subject = { subject_type: 'dead_letter', subject_id: letter.id, source: letter.source, reason: step.note };
      await this.trail.record(tx, { action: 'replay.ended', principal, ...subject });
      return this.reopening.reopen(tx, [letter], () => step);
    }
    if ((await this.letters.lastCause(tx, letter)) === CAUSE) return null;
    throw illegalMove(letter.state, `The dead letter is ${letter.state}: no replay is under way.`);
  }
}
