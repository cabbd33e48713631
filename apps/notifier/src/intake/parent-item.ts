import type { OutgoingEvent } from '@assay/contracts';
import { encodeEvents } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';
import type { Parent } from '../delivery/index.js';

/** Items of this queue only publish: what is told of parents without a delivery being made. */
const PARENT_QUEUE = 'parent';

export function parentItem(parent: Parent, events: readonly OutgoingEvent[]): NewItem {
  const { job_id: subject_id, source, generation, priority, correlation_id, traceparent } = parent;
  const payload = encodeEvents(events);
  return {
    ...{ queue: PARENT_QUEUE, source, subject_id, generation, priority, phase: 'publish', payload },
    ...{ correlation_id, traceparent },
  };
}
