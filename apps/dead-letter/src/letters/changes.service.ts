import { Inject, Injectable } from '@nestjs/common';
import type { OutgoingEvent } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import { changedEvent } from './changed-event.js';
import type { DeadLetter, Transition } from './dead-letter.js';
import { LettersRepository } from './letters.repository.js';

const log = createLog('dead-letter', ['dead_letter_moved', 'bug_dead_lettered']);
const moves = counter('assay_dead_letter_moves_total', 'Transitions of dead letters, by stage, class and new state.');
const bugs = counter('assay_dead_letter_bugs_total', 'Dead letters of class PROGRAMMING_ERROR. Any increase pages.');

const QUEUE = 'dead_letter_changed';
const PRIORITY = 5;

/** What is to be said once the transaction has committed. */
export interface Announcement {
  transitions: readonly Transition[];
  publish: () => void;
}

/** The one way by which dead letters change: row, history and the event that tells of it, in one transaction. */
@Injectable()
export class ChangesService {
  constructor(
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(LettersRepository) private readonly letters: LettersRepository,
  ) {}

  /** `letters` hold new facts or states; `transitions` are those that moved. Call {@link announce} after the commit. */
  async store(tx: Tx, letters: readonly DeadLetter[], transitions: readonly Transition[]): Promise<Announcement> {
    await this.letters.update(tx, letters);
    if (transitions.length === 0) return { transitions, publish: () => undefined };
    const times = await this.letters.record(tx, transitions);
    const events = transitions.map((transition, index) => changedEvent(transition, times[index]!));
    return { transitions, publish: this.queue.tell(tx, tellingOf(transitions, events)) };
  }

  announce({ transitions, publish }: Announcement): void {
    publish();
    for (const transition of transitions) report(transition);
  }
}

function tellingOf(transitions: readonly Transition[], all: readonly OutgoingEvent[]) {
  return transitions.map(({ letter }, index) => {
    const { id: subject_id, generation, correlation_id, traceparent } = letter;
    const events = [all[index]!];
    const about = { queue: QUEUE, subject_id, generation, priority: PRIORITY, correlation_id, traceparent };
    return { item: { ...about, phase: 'publish' as const, payload: encodeEvents(events) }, events };
  });
}

function report({ letter, to_state, cause, actor }: Transition): void {
  const { id, stage, error_class, code, job_id, source, fingerprint } = letter;
  moves.add(1, { stage, class: error_class, state: to_state });
  const { correlation_id } = letter;
  const fields = { correlation_id, dead_letter_id: id, job_id, source, stage, error_class, code, fingerprint };
  if (to_state === 'open' && error_class === 'PROGRAMMING_ERROR') {
    bugs.add(1, { stage });
    log.error('bug_dead_lettered', { ...fields, stack: letter.last_stack });
  }
  log.info('dead_letter_moved', { ...fields, state: to_state, cause, actor });
}
