import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Channel, Failure, OutgoingEvent } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { encodeEvents, WorkQueue } from '@assay/work-queue';
import type { WorkItem } from '@assay/work-queue';
import { v7 } from 'uuid';
import type { Classification, Destination, ReceiverAnswer } from '../providers/provider.js';
import { DELIVERY_SETTINGS } from './delivery.settings.js';
import type { DeliverySettings } from './delivery.types.js';
import { faultEvent, recoveredEvent } from './fault-events.js';
import type { FaultSubject, Recovery, ToldFault, WaitingWork } from './fault-events.js';
import {
  COUNT_REFUSAL,
  FAILING_DESTINATIONS,
  LOCK_REFUSALS,
  RECORD_FAULT,
  RECOVER_DESTINATION,
} from './sql/destination-faults.js';
import { WAITING_JOBS } from './sql/waiting-jobs.js';

const log = createLog('notifier.destinations', [
  'destination_failing',
  'destination_recovered',
  'fault_not_recorded',
  'recovery_not_recorded',
  'refusal_not_counted',
  'faults_not_read',
]);

/** Items of this queue only publish: the dead letters of destinations and credentials, and their ends. */
export const FAULT_QUEUE = 'fault';
/** As many job ids as fit into what dead-letter keeps of a context (8 KiB). */
const MOST_JOBS_LISTED = 100;
const MOST_JOBS_COUNTED = 1_000;
/** Different refusals of single rows, with no success between them, that are not theirs (DEL-7). */
const MANY_REFUSALS = 3;
/** How soon a success here ends what another replica has found. */
const READ_AGAIN_MS = 5_000;

export interface Fault {
  subject_type: FaultSubject;
  destination: Destination;
  channel: Channel;
  /** Null where the destination serves every address of the channel. */
  address: string | null;
  failure: Failure;
  answer: ReceiverAnswer | undefined;
  /** It does not mend by itself: told at once. */
  stays: boolean;
  next_attempt_in_ms: number;
  item: WorkItem;
}

type FaultRow = Pick<
  ToldFault,
  'subject_id' | 'version' | 'revision' | 'reports' | 'failing_since' | 'last_failure_at' | 'next_attempt_at'
> & { tells: boolean };

type RecoveredRow = Omit<Recovery, 'correlation_id'> & { told: boolean };

/**
 * What is wrong with a destination, or with our credential there, told as one dead letter over all replicas that lists
 * what waits, and not as one for each row (DEL-7, DEL-8). It ends with the first success, whose usual price is a look
 * into a set: only a destination that is known to fail has its success written down.
 */
@Injectable()
export class DestinationFaults implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #failing = new Set<string>();
  /** The last success here, by the monotonic clock. */
  readonly #succeeded_at = new Map<string, number>();
  /** By the monotonic clock, for each destination and reason. */
  readonly #reported_at = new Map<string, number>();
  readonly #recovering = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(DELIVERY_SETTINGS) private readonly settings: DeliverySettings,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.#timer = setInterval(() => void this.#read(), READ_AGAIN_MS);
    this.#timer.unref();
    await this.#read();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#recovering);
  }

  /** Sparingly: the same reason no more often than `fault_report_ms`. Never rejects: the next failure reports it again. */
  async report(fault: Fault): Promise<void> {
    const { name } = fault.destination;
    const reason = `${fault.subject_type} ${name} ${fault.failure.code}`;
    if (!this.#isDue(reason)) return;
    try {
      this.#failing.add(name);
      await this.database.transaction((tx) => this.#store(tx, fault));
      this.queue.notify();
    } catch (error) {
      this.#reported_at.delete(reason);
      log.error('fault_not_recorded', { destination: name }, error);
    }
  }

  /**
   * True where a refusal of one row is not its own affair: it is one of three that differ, over all replicas, with no
   * success between them. Never rejects: what could not be counted stays the row's.
   */
  async isGeneral(destination: string, { of, counted_by }: NonNullable<Classification['suspected']>): Promise<boolean> {
    try {
      this.#failing.add(destination);
      const [row] = await this.database.transaction(async (tx) => {
        await tx.execute(LOCK_REFUSALS, [destination]);
        return tx.query<{ different: number }>(COUNT_REFUSAL, [destination, of, counted_by, MANY_REFUSALS]);
      });
      return row!.different >= MANY_REFUSALS;
    } catch (error) {
      log.error('refusal_not_counted', { destination }, error);
      return false;
    }
  }

  /** It has taken a message. */
  succeeded(destination: string): void {
    this.#succeeded_at.set(destination, performance.now());
    if (this.#failing.has(destination)) this.#recoverSoon(destination);
  }

  #recoverSoon(destination: string): void {
    this.#failing.delete(destination);
    const recovering = this.#recover(destination).finally(() => this.#recovering.delete(recovering));
    this.#recovering.add(recovering);
  }

  #isDue(reason: string): boolean {
    const now_ms = performance.now();
    if (now_ms - (this.#reported_at.get(reason) ?? -Infinity) < this.settings.fault_report_ms) return false;
    this.#reported_at.set(reason, now_ms);
    return true;
  }

  async #read(): Promise<void> {
    try {
      const rows = await this.database.query<{ destination: string; failed_ms_ago: number }>(FAILING_DESTINATIONS);
      for (const { destination, failed_ms_ago } of rows) {
        this.#failing.add(destination);
        // Another replica found it before this one had its success.
        if (this.#succeededMsAgo(destination) < failed_ms_ago) this.#recoverSoon(destination);
      }
    } catch (error) {
      log.warn('faults_not_read', {}, error);
    }
  }

  #succeededMsAgo(destination: string): number {
    return performance.now() - (this.#succeeded_at.get(destination) ?? -Infinity);
  }

  async #store(tx: Tx, fault: Fault): Promise<void> {
    const { subject_type, destination, failure, answer, stays, item } = fault;
    const { destination_failing_ms, fault_report_ms } = this.settings;
    const [row] = await tx.query<FaultRow>(RECORD_FAULT, [
      destination.name,
      subject_type,
      subject_type === 'credential' ? destination.credentialFingerprint() : '',
      v7(),
      stays ? 0 : destination_failing_ms,
      fault_report_ms,
      fault.next_attempt_in_ms,
    ]);
    const { tells, ...told } = row!;
    if (!tells) return;
    log.warn('destination_failing', { destination: destination.name, subject_type, code: failure.code });
    const { correlation_id, traceparent } = item;
    const waiting = await this.#waiting(tx, fault);
    const about = { subject_type, destination: destination.name, failure, answer, waiting };
    this.#tell(tx, faultEvent({ ...about, ...told, correlation_id, traceparent }));
  }

  async #waiting(tx: Tx, { channel, address }: Fault): Promise<WaitingWork> {
    const rows = await tx.query<{ job_id: string; source: string }>(WAITING_JOBS, [
      channel,
      address,
      MOST_JOBS_COUNTED + 1,
    ]);
    const jobs = [...new Set(rows.slice(0, MOST_JOBS_COUNTED).map(({ job_id }) => job_id))];
    return {
      job_ids: jobs.slice(0, MOST_JOBS_LISTED),
      sources: [...new Set(rows.map(({ source }) => source))].sort(),
      jobs: jobs.length,
      more: rows.length > MOST_JOBS_COUNTED,
    };
  }

  async #recover(destination: string): Promise<void> {
    try {
      await this.database.transaction(async (tx) => {
        const rows = await tx.query<RecoveredRow>(RECOVER_DESTINATION, [
          destination,
          this.#succeededMsAgo(destination),
        ]);
        for (const { told, ...recovery } of rows) {
          if (told) this.#tell(tx, recoveredEvent({ ...recovery, correlation_id: recovery.subject_id }));
        }
        if (rows.length > 0) log.info('destination_recovered', { destination });
      });
      this.queue.notify();
    } catch (error) {
      // The next success tries again.
      this.#failing.add(destination);
      log.warn('recovery_not_recorded', { destination }, error);
    }
  }

  #tell(tx: Tx, event: OutgoingEvent): void {
    const { subject: subject_id, correlation_id, traceparent } = event;
    this.queue.insert(tx, [
      {
        queue: FAULT_QUEUE,
        subject_id,
        generation: 0,
        priority: 9,
        phase: 'publish',
        payload: encodeEvents([event]),
        correlation_id,
        traceparent,
      },
    ]);
  }
}
