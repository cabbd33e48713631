import { Failure } from '@assay/contracts';
import type { EventType, ReceivedEvent } from '@assay/contracts';
import { createLog, inSpan, newContext, runInContext } from '@assay/observability';
import { fullJitterMs, oneByOne } from '@assay/work-queue';
import { reportProgrammingError } from '@assay/service';
import { BatchContext } from './batch-context.js';
import { chunksOf, isLive, lastOfEachPart } from './batch-round.js';
import type { ChunkLimits, Part, RoundRecord } from './batch-round.js';
import type { ConsumerLag } from './consumer-lag.js';
import { decodeRecord } from './decode-record.js';
import type { PatternExtras } from './pattern-extras.js';
import { batchRecords, consumed, handledSeconds, pauses } from './metrics.js';
import type { OffsetCommits } from './offset-commits.js';
import type { RecordParking } from './record-parking.js';

const log = createLog('kafka.consumer', ['partitions_paused']);

export interface BatchHandler extends PatternExtras {
  (events: ReceivedEvent[], context: BatchContext): Promise<unknown>;
}

export interface ProcessorOptions extends ChunkLimits {
  heartbeat_ms: number;
  /** First and longest pause after a failure that passes. */
  pause: { first_ms: number; cap_ms: number };
}

interface SoundRecord extends RoundRecord {
  readonly event: ReceivedEvent;
}

/**
 * Handles one round: the batches of several partitions of one topic together, so that they share the handler's
 * transaction. Resolves offsets only after the handler has, and lets nothing but kafkajs' own errors out.
 */
export class BatchProcessor {
  /** Failures in a row by type: the pause grows with them. */
  readonly #failures = new Map<EventType, number>();

  constructor(
    private readonly handlers: ReadonlyMap<EventType, BatchHandler>,
    private readonly parking: RecordParking,
    private readonly lag: ConsumerLag,
    private readonly commits: OffsetCommits,
    private readonly options: ProcessorOptions,
    private readonly stopping: AbortSignal,
  ) {}

  async process(type: EventType, parts: readonly Part[]): Promise<void> {
    for (const part of parts) this.lag.fetched(type, part.payload.batch);
    try {
      await this.#processChunks(type, parts);
    } finally {
      // The group is left as soon as the last round has ended.
      if (this.stopping.aborted) await this.commits.now();
    }
  }

  async #processChunks(type: EventType, parts: readonly Part[]): Promise<void> {
    const records = parts.map((part) => part.payload.batch.messages.map((message) => ({ part, message })));
    for (const chunk of chunksOf(records, this.options)) {
      const live = chunk.filter(({ part }) => isLive(part));
      if (live.length === 0) return;
      const failure = await this.#whileBeating(live[0]!.part, () => this.#handleOrFail(type, live));
      if (failure) return this.#pause(type, parts, failure);
      this.#failures.delete(type);
      this.#resolve(live);
      this.commits.soon(live[0]!.part.payload);
      await this.#heartbeat(live[0]!.part);
    }
  }

  /** Its error says that the group is rebalancing: kafkajs joins again, and what is resolved is committed before. */
  async #heartbeat({ payload }: Part): Promise<void> {
    try {
      await payload.heartbeat();
    } catch (error) {
      await this.commits.now();
      throw error;
    }
  }

  async #handleOrFail(type: EventType, chunk: readonly RoundRecord[]): Promise<Failure | null> {
    try {
      await this.#handle(type, chunk);
      return null;
    } catch (error) {
      return Failure.from(error);
    }
  }

  /** Parks what is no event and hands over the rest; rejects with what time will mend, and with nothing else. */
  async #handle(type: EventType, chunk: readonly RoundRecord[]): Promise<void> {
    const sound: SoundRecord[] = [];
    for (const record of this.#wanted(type, chunk)) {
      const decoded = decodeRecord(record.part.place, record.message, record.part.redelivered_below);
      if ('event' in decoded) sound.push({ ...record, event: decoded.event });
      else await this.#park(record, decoded.failure);
    }
    if (sound.length > 0) await this.#handOver(type, sound);
  }

  #wanted(type: EventType, chunk: readonly RoundRecord[]): readonly RoundRecord[] {
    const { wants } = this.handlers.get(type)!;
    if (!wants) return chunk;
    const wanted = chunk.filter(({ message }) => wants(message.headers));
    if (wanted.length < chunk.length) consumed.add(chunk.length - wanted.length, { type, result: 'passed_over' });
    return wanted;
  }

  /** What time will not mend is parked, and the rest goes on; rejects with what is left for later. */
  async #handOver(type: EventType, records: readonly SoundRecord[]): Promise<void> {
    const left = await oneByOne(
      records,
      (some) => this.#call(type, some),
      (culprit, failure) => {
        if (failure.error_class === 'PROGRAMMING_ERROR') reportProgrammingError(`consumer ${type}`, failure);
        return this.#park(culprit, failure);
      },
    );
    if (left) throw left.failure;
  }

  async #call(type: EventType, records: readonly SoundRecord[]): Promise<void> {
    const events = records.map(({ event }) => event);
    const partitions = [...new Set(events.map(({ topic, partition }) => `${topic}[${partition}]`))];
    const context = new BatchContext(type, partitions, this.stopping);
    const begun_at = performance.now();
    // One event keeps its own ids; a batch has many causes, which are linked, and ids of its own.
    const [{ correlation_id, traceparent }] = events.length === 1 ? (events as [ReceivedEvent]) : [newContext()];
    await runInContext({ correlation_id, traceparent }, () =>
      inSpan(
        `consume ${type}`,
        {
          kind: 'CONSUMER',
          parent: events.length === 1 ? traceparent : null,
          links: events.length === 1 ? [] : events.map((event) => event.traceparent),
          attributes: { 'messaging.system': 'kafka', 'messaging.batch.message_count': events.length },
        },
        async () => this.handlers.get(type)!(events, context),
      ),
    );
    handledSeconds.record((performance.now() - begun_at) / 1000, { type });
    batchRecords.record(events.length, { type });
    consumed.add(events.length, { type, result: 'handled' });
  }

  async #park(record: RoundRecord, failure: Failure): Promise<void> {
    await this.parking.park(record.part.place, record.message, failure);
    consumed.add(1, { type: record.part.place.type, result: 'parked' });
  }

  /** A partition whose offset was moved meanwhile is left alone: its next fetch begins elsewhere. */
  #resolve(chunk: readonly RoundRecord[]): void {
    for (const { part, message } of lastOfEachPart(chunk)) {
      if (part.payload.isStale()) continue;
      part.payload.resolveOffset(message.offset);
      this.lag.handled(part.place.topic, part.place.partition, message.offset);
    }
  }

  /** The same records come again after the pause; meanwhile the member keeps its place in the group. */
  #pause(type: EventType, parts: readonly Part[], failure: Failure): void {
    const failures = (this.#failures.get(type) ?? 0) + 1;
    this.#failures.set(type, failures);
    const pause_ms = Math.max(failure.retry_after_ms ?? 0, fullJitterMs(failures, this.options.pause));
    pauses.add(parts.length, { type, code: failure.code });
    log.warn(
      'partitions_paused',
      { type, partitions: parts.length, pause_ms: Math.round(pause_ms), code: failure.code },
      failure,
    );
    const resumes = parts.map(({ payload }) => payload.pause());
    const timer = setTimeout(() => {
      this.stopping.removeEventListener('abort', cancel);
      for (const resume of resumes) resume();
    }, pause_ms);
    const cancel = (): void => clearTimeout(timer);
    this.stopping.addEventListener('abort', cancel, { once: true });
  }

  /** Heartbeats beside a long handler call; what one says is said again by the heartbeat after the call. */
  async #whileBeating<T>(part: Part, work: () => Promise<T>): Promise<T> {
    const timer = setInterval(() => void part.payload.heartbeat().catch(() => undefined), this.options.heartbeat_ms);
    try {
      return await work();
    } finally {
      clearInterval(timer);
    }
  }
}
