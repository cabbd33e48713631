import { jobEvent } from '@assay/contracts';
import type { AuditCheckpointed, OutgoingEvent } from '@assay/contracts';
import { currentContext } from '@assay/observability';
import { encodeEvents } from '@assay/work-queue';
import type { NewItem } from '@assay/work-queue';

const QUEUE = 'audit_checkpointed';
const PRIORITY = 5;

/** What carries a checkpoint out of the house: its revision is its size, so each is published under one id. */
export function checkpointTold(about: { origin: string; size: number; checkpoint: string; occurred_at: string }): {
  item: NewItem;
  events: OutgoingEvent[];
} {
  const { correlation_id, traceparent } = currentContext();
  const { origin, size, checkpoint, occurred_at } = about;
  const data: AuditCheckpointed = {
    ...{ job_id: null, source: '*', changelist_id: null, review_version: null, generation: 0, revision: size },
    ...{ occurred_at, correlation_id, origin, size, checkpoint },
  };
  const events = [jobEvent('audit.checkpointed', data, { subject: origin, traceparent })];
  const item = {
    queue: QUEUE,
    subject_id: `${origin} ${size}`,
    generation: 0,
    priority: PRIORITY,
    correlation_id,
    traceparent,
  };
  return { item: { ...item, phase: 'publish', payload: encodeEvents(events) }, events };
}
