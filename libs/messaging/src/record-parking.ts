import { createHash } from 'node:crypto';
import { failureFingerprint, jobEvent } from '@assay/contracts';
import type { Failure, OutgoingEvent, Stage } from '@assay/contracts';
import { createLog, runInContext } from '@assay/observability';
import type { Database } from '@assay/postgres';
import { errorChain, redact } from '@assay/security';
import type { ArtefactCipher } from '@assay/security';
import { encodeEvents } from '@assay/work-queue';
import type { WorkQueue } from '@assay/work-queue';
import type { IHeaders, KafkaMessage } from 'kafkajs';
import { v7 } from 'uuid';
import { header } from './cloud-events.js';
import { correlationIdOf } from './decode-record.js';
import type { RecordPlace } from './decode-record.js';
import { parkedRecords } from './metrics.js';
import { INSERT_PARKED_RECORD } from './parked-records.js';

const log = createLog('kafka.parking', ['record_parked']);
const QUEUE = 'parked';
const REASON_BYTES = 4 * 1024;
const HEADER_TEXT_BYTES = 1_024;

interface Parked {
  id: string;
  place: RecordPlace;
  message: KafkaMessage;
  failure: Failure;
  correlation_id: string;
}

/**
 * Sets aside a record that its consumer cannot take, so that the consumer goes on (DLQ-4): the record's bytes sealed in
 * the service's own schema, and a dead letter that names its place and never its content.
 */
export class RecordParking {
  constructor(
    private readonly database: Database,
    private readonly queue: WorkQueue,
    private readonly cipher: ArtefactCipher,
    /** Null: parked records are not announced; dead-letter would only announce them to itself. */
    private readonly stage: Stage | null,
  ) {}

  /** Rejects with a `Failure` while Postgres is away. Parking the same record twice parks and announces it once. */
  async park(place: RecordPlace, message: KafkaMessage, failure: Failure): Promise<void> {
    const parked = { id: v7(), place, message, failure, correlation_id: correlationIdOf(message) };
    const publish = await this.database.transaction(async (tx) => {
      const [row] = await tx.query<{ parked_at: string }>(INSERT_PARKED_RECORD, this.#row(parked));
      if (!row) return null;
      const events = this.stage === null ? [] : [announcement(parked, this.stage, row.parked_at)];
      return this.queue.tell(tx, events.length === 0 ? [] : [{ item: itemFor(parked, events), events }]);
    });
    if (publish === null) return;
    parkedRecords.add(1, { type: place.type, code: failure.code });
    runInContext({ correlation_id: parked.correlation_id, traceparent: header(message.headers, 'traceparent') }, () =>
      log.error('record_parked', { ...placeOf(parked), parked_id: parked.id, code: failure.code }),
    );
    publish();
  }

  #row({ id, place, message, failure, correlation_id }: Parked): unknown[] {
    const sealed = message.value === null ? null : this.cipher.seal(id, message.value);
    return [
      id,
      place.topic,
      place.partition,
      message.offset,
      createHash('sha256')
        .update(message.value ?? '')
        .digest(),
      message.key,
      JSON.stringify(plainHeaders(message.headers)),
      sealed ? 'gzip+aes-256-gcm' : 'none',
      sealed?.key_id ?? null,
      sealed?.bytes ?? null,
      failure.error_class,
      failure.code,
      withoutNul(errorChain(failure, REASON_BYTES)),
      correlation_id,
    ];
  }
}

function itemFor(parked: Parked, events: OutgoingEvent[]) {
  return {
    queue: QUEUE,
    subject_id: parked.id,
    generation: 0,
    priority: 5,
    phase: 'publish' as const,
    payload: encodeEvents(events),
    correlation_id: parked.correlation_id,
    traceparent: header(parked.message.headers, 'traceparent'),
  };
}

function placeOf({ place, message }: Parked) {
  return { topic: place.topic, partition: place.partition, offset: message.offset };
}

/** Without the record's bytes, and without its job: what cannot be read proves nothing about a job. */
function announcement(parked: Parked, stage: Stage, parked_at: string): OutgoingEvent {
  const { id, place, message, failure, correlation_id } = parked;
  const cause = { stage, error_class: failure.error_class, code: failure.code };
  return jobEvent(
    'stage.dead_lettered',
    {
      ...{ job_id: null, changelist_id: null, review_version: null, generation: 0, revision: 1 },
      ...{ source: sourceOf(message), occurred_at: parked_at, correlation_id },
      ...cause,
      subject_type: 'record',
      subject_id: id,
      last_stack: errorChain(failure),
      sanitized_context: {
        ...placeOf(parked),
        event_type: place.type,
        event_id: redact(header(message.headers, 'ce_id') ?? 'unknown').slice(0, HEADER_TEXT_BYTES),
        bytes: message.value?.length ?? 0,
      },
      first_failure_at: parked_at,
      last_failure_at: parked_at,
      fingerprint: failureFingerprint({ ...cause, where: place.type }),
      summary: null,
    },
    { subject: id, traceparent: header(message.headers, 'traceparent') },
  );
}

/** The key is source and changelist (GEN-8); of one that is neither only `unknown` is said. */
function sourceOf({ key }: KafkaMessage): string {
  const [source] = (key?.toString() ?? '').split(' ');
  return source && /^[A-Za-z0-9._-]{1,128}$/.test(source) ? source : 'unknown';
}

/** For an operator to read: as text, redacted, cut; the lossless record is what is sealed. */
function plainHeaders(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.keys(headers ?? {}).map((name) => [
      withoutNul(name),
      withoutNul(redact((header(headers, name) ?? '').slice(0, HEADER_TEXT_BYTES))),
    ]),
  );
}

/** Neither `text` nor `json` may hold U+0000 where it is to be read as text. */
function withoutNul(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD');
}
