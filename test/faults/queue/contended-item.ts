import type { NewItem } from '@assay/work-queue';
import type { SeededRandom } from '../random.js';

export const CONTENDED_QUEUE = 'contended';

/** Of any priority; one in four is due a little later. */
export function contendedItem(subject_id: string, random: SeededRandom): NewItem {
  return {
    queue: CONTENDED_QUEUE,
    subject_id,
    generation: 0,
    priority: random.between(0, 9),
    phase: 'work',
    due_in_ms: random.between(0, 3) === 0 ? random.between(1, 500) : 0,
    correlation_id: 'contention',
    traceparent: null,
  };
}
