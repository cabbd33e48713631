import type { EventType } from './events.js';
import { EVENT_SCHEMAS } from './schemas.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The processes that publish and consume: each has a consumer group, a database role and a principal of its own. */
export const SERVICE_NAMES = ['ingest', 'validator', 'notifier', 'dead-letter'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface TopicDefinition {
  type: EventType;
  /** Which services write to it, and which of Assay's own read it (SEC-7). */
  producers: readonly ServiceName[];
  consumers: readonly ServiceName[];
  /** Public topics are promises to downstream consumers; the others may change between Assay's own services. */
  audience: 'public' | 'internal';
  summary: string;
  partitions: number;
  retention_ms: number;
  max_message_bytes: number;
  /** JSON Schema 2020-12 of the data. */
  schema: Record<string, unknown>;
}

const MIB = 1024 * 1024;

/** The one list of topics: the topics command, the schema checks and the AsyncAPI page all read it. */
export const TOPICS: readonly TopicDefinition[] = [
  {
    type: 'review.submitted',
    producers: ['ingest'],
    consumers: ['validator'],
    audience: 'internal',
    summary: 'A submission was accepted; ingest to validator.',
    partitions: 4,
    // Raw bodies: no longer than raw retention (SEC-8).
    retention_ms: 7 * DAY_MS,
    max_message_bytes: 16 * MIB,
    schema: EVENT_SCHEMAS['review.submitted'],
  },
  {
    type: 'review.validated',
    producers: ['validator'],
    consumers: ['notifier', 'ingest'],
    audience: 'public',
    summary: "A review result was judged. Holds recipients' addresses.",
    partitions: 4,
    retention_ms: 7 * DAY_MS,
    max_message_bytes: 16 * MIB,
    schema: EVENT_SCHEMAS['review.validated'],
  },
  {
    type: 'delivery.settled',
    producers: ['notifier'],
    consumers: ['ingest', 'dead-letter'],
    audience: 'internal',
    summary: "Deliveries settled, with their job's summary; notifier to ingest and dead-letter.",
    partitions: 4,
    retention_ms: 7 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['delivery.settled'],
  },
  {
    type: 'stage.delayed',
    producers: ['validator', 'notifier'],
    consumers: ['ingest'],
    audience: 'internal',
    summary: 'An attempt failed and an automatic one is due; to ingest.',
    partitions: 4,
    retention_ms: 7 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['stage.delayed'],
  },
  {
    type: 'stage.dead_lettered',
    producers: SERVICE_NAMES,
    consumers: ['dead-letter', 'ingest'],
    audience: 'internal',
    summary: 'Work that no automatic retry will mend; to dead-letter and ingest.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['stage.dead_lettered'],
  },
  {
    type: 'stage.recovered',
    producers: ['notifier'],
    consumers: ['dead-letter'],
    audience: 'internal',
    summary: 'What was dead-lettered about a credential or a destination is over; notifier to dead-letter.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['stage.recovered'],
  },
  {
    type: 'review.settled',
    producers: ['ingest'],
    consumers: ['dead-letter'],
    audience: 'public',
    summary:
      'A job reached an end; once per end, deduplicate on ce_id. After one that was given_up a late word may follow under a higher revision, and after one whose key has passed to another job, that job (submitted_again_as).',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['review.settled'],
  },
  {
    type: 'review.cancelled',
    producers: ['ingest'],
    consumers: ['notifier'],
    audience: 'internal',
    summary: 'Nobody is to be told of a job any more; ingest to notifier.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['review.cancelled'],
  },
  {
    type: 'dead_letter.changed',
    producers: ['dead-letter'],
    consumers: [],
    audience: 'public',
    summary: 'A dead letter moved.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['dead_letter.changed'],
  },
  {
    type: 'replay.requested',
    producers: ['dead-letter'],
    consumers: ['ingest'],
    audience: 'internal',
    summary: 'An operator asks for a replay; dead-letter to ingest, which decides.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['replay.requested'],
  },
  {
    type: 'replay.accepted',
    producers: ['ingest'],
    consumers: ['notifier', 'dead-letter'],
    audience: 'internal',
    summary: 'A job has begun a new generation; ingest to notifier and dead-letter.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['replay.accepted'],
  },
  {
    type: 'replay.refused',
    producers: ['ingest'],
    consumers: ['dead-letter'],
    audience: 'internal',
    summary: 'A replay was not begun, and why; ingest to dead-letter.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['replay.refused'],
  },
  {
    type: 'action.requested',
    producers: ['dead-letter'],
    consumers: ['notifier'],
    audience: 'internal',
    summary: 'An operator acts on deliveries; dead-letter to notifier, which does it.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['action.requested'],
  },
  {
    type: 'action.answered',
    producers: ['notifier'],
    consumers: ['dead-letter'],
    audience: 'internal',
    summary: "What came of an operator's act, or why nothing did; notifier to dead-letter.",
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['action.answered'],
  },
  {
    type: 'audit.checkpointed',
    producers: ['dead-letter'],
    consumers: [],
    audience: 'public',
    summary: 'A checkpoint of the audit log was signed: keep it elsewhere, and no export can contradict it unnoticed.',
    partitions: 4,
    retention_ms: 30 * DAY_MS,
    max_message_bytes: MIB,
    schema: EVENT_SCHEMAS['audit.checkpointed'],
  },
];

/** `<prefix>.<subject>.<past participle>.v1`; the prefix keeps installations (and test files) on one cluster apart. */
export function topicName(prefix: string, type: EventType): string {
  return `${prefix}.${type}.v1`;
}
