import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { currentContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import { actorOf, redact, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { AuditTrail } from '../audit/index.js';
import type { Act } from '../audit/index.js';
import { ChangesService, LettersRepository, move } from '../letters/index.js';
import type { DeadLetter, Transition } from '../letters/index.js';
import { requireUuid } from '../scope.js';
import { LettersViewRepository } from './letters-view.repository.js';
import type { LetterView } from './letters-view.repository.js';
import type { ReasonRequest, TriageRequest } from './triage-requests.js';

/** What operators do about dead letters before a replay (DLQ-6). */
@Injectable()
export class TriageService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(LettersRepository) private readonly letters: LettersRepository,
    @Inject(LettersViewRepository) private readonly views: LettersViewRepository,
    @Inject(ChangesService) private readonly changes: ChangesService,
    @Inject(AuditTrail) private readonly trail: AuditTrail,
  ) {}

  /** Another source's dead letter is answered as if it were not there (GEN-8). */
  async get(id: string, principal: Principal): Promise<LetterView> {
    requireUuid(id);
    const letter = await this.views.get(id, sourcesOf(principal));
    if (!letter) throw new Problem('not_found');
    return letter;
  }

  triage(id: string, { assignee, note }: TriageRequest, principal: Principal): Promise<LetterView> {
    const details: Act['details'] = assignee === undefined ? {} : { assignee };
    return this.#change(id, { action: 'dead_letter.triaged', principal, details }, (letter) => {
      if (assignee !== undefined) letter.assignee = assignee;
      return move(letter, stepBy(principal, { to: 'triaged', cause: 'triaged', note }));
    });
  }

  discard(id: string, { reason }: ReasonRequest, principal: Principal): Promise<LetterView> {
    return this.#change(id, { action: 'dead_letter.discarded', principal }, (letter) =>
      move(letter, stepBy(principal, { to: 'discarded', cause: 'discarded', note: reason })),
    );
  }

  async #change(
    id: string,
    act: Pick<Act, 'action' | 'principal' | 'details'>,
    change: (letter: DeadLetter) => Transition,
  ): Promise<LetterView> {
    requireUuid(id);
    const { principal } = act;
    const announcement = await this.database.transaction(async (tx) => {
      const letter = await this.letters.lockOne(tx, id, sourcesOf(principal));
      if (!letter) throw new Problem('not_found');
      const step = change(letter);
      const subject = { subject_type: 'dead_letter', subject_id: id, source: letter.source };
      await this.trail.record(tx, { ...act, ...subject, reason: step.note });
      return this.changes.store(tx, [letter], [step]);
    });
    this.changes.announce(announcement);
    return this.get(id, principal);
  }
}

function stepBy(
  principal: Principal,
  { to, cause, note }: { to: 'triaged' | 'discarded'; cause: string; note?: string },
) {
  const { correlation_id } = currentContext();
  return { to, cause, actor: actorOf(principal), note: note === undefined ? null : redact(note), correlation_id };
}
