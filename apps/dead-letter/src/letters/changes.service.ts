import { Inject, Injectable } from '@nestjs/common';
import type { OutgoingEvent } from '@assay/contracts';
import { counter, createLog } from '@assay/observability';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import type { EventsByItem, WorkItem } from '@assay/work-queue';
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
  born_claimed: readonly WorkItem[];
  events: EventsByItem;
  queued: boolean;
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
    if (transitions.length === 0) return { transitions, born_claimed: [], events: new Map(), queued: false };
    const times = await this.letters.record(tx, transitions);
    const events = transitions.map((transition, index) => changedEvent(transition, times[index]!));
    const claimed = this.queue.publisherSlots(events.length);
    const items = await this.queue.insert(tx, itemsOf(transitions, events), { claimed });
    return {
      transitions,
      born_claimed: items.slice(0, claimed),
      events: new Map(items.map((item, index) => [item.id, [events[index]!]])),
      queued: claimed < items.length,
    };
  }

  announce({ transitions, born_claimed, events, queued }: Announcement): void {
    this.queue.publishSoon(born_claimed, events);
    if (queued) this.queue.notify();
    for (const transition of transitions) report(transition);
  }
}

function itemsOf(transitions: readonly Transition[], events: readonly OutgoingEvent[]) {
  return transitions.map(({ letter }, index) => ({
    queue: QUEUE,
    subject_id: letter.id,
    generation: letter.generation,
    priority: PRIORITY,
    phase: 'publish' as const,
    payload: encodeEvents([events[index]!]),
    correlation_id: letter.correlation_id,
    traceparent: letter.traceparent,
  }));
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
