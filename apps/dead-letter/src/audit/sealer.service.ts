import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { encodeEntry, signCheckpoint, TIME_MARK } from '@assay/audit-log';
import type { NoteSigner } from '@assay/audit-log';
import { counter, createLog, currentContext } from '@assay/observability';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { Liveness, PeriodicTask } from '@assay/service';
import { WorkQueue } from '@assay/work-queue';
import { v7 } from 'uuid';
import { SERVICE } from './audit-trail.js';
import { AUDIT_CONFIG, signersIn } from './audit.settings.js';
import type { AuditSettings } from './audit.settings.js';
import { checkpointTold } from './checkpointed-event.js';
import { EntriesRepository } from './entries.repository.js';
import { SealerRepository } from './sealer.repository.js';
import type { HeldSealer } from './sealer.repository.js';

const log = createLog('dead-letter.audit', ['checkpoint_signed', 'audit_not_sealed']);
const sealed_total = counter('assay_audit_sealed_total', 'Entries of the audit log that were given their number.');

const BATCH = 1_000;

interface Round {
  /** Entries that were given their number. */
  sealed: number;
  signed: { origin: string; size: number; root: Buffer; publish: () => void } | null;
}

/**
 * The one sealer of the audit log (DLQ-11): numbers entries, extends the tree and signs for it. Replicas take turns by a
 * lease, and each round is one transaction under the lock of the lease's row: two can number nothing twice, and what a
 * crash leaves is a round that never was.
 */
@Injectable()
export class SealerService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #task: PeriodicTask;
  #lease_token: string = randomUUID();

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(SealerRepository) private readonly repository: SealerRepository,
    @Inject(EntriesRepository) private readonly entries: EntriesRepository,
    @Inject(WorkQueue) private readonly queue: WorkQueue,
    @Inject(Liveness) liveness: Liveness,
    @Inject(AUDIT_CONFIG) private readonly settings: AuditSettings,
  ) {
    const interval_ms = settings.audit_seal_interval_ms;
    this.#task = new PeriodicTask(liveness, { name: 'audit_sealer', interval_ms, run: () => this.sealAll() });
  }

  onApplicationBootstrap(): void {
    if (this.settings.audit_signing_keys === null) log.warn('audit_not_sealed', { reason: 'no_signing_key' });
    else this.#task.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.#task.stop();
  }

  /** Seals until nothing waits or another process has the lease; returns how many entries were given their number. */
  async sealAll(): Promise<number> {
    let total = 0;
    for (;;) {
      const sealed = await this.#sealOnce();
      total += sealed ?? 0;
      if (sealed === null || sealed < BATCH) return total;
    }
  }

  /** Null where another has the lease, or there is no key. */
  async #sealOnce(): Promise<number | null> {
    const keys = this.settings.audit_signing_keys;
    if (keys === null) return null;
    const signers = signersIn(keys.current().reveal());
    const round = await this.database.transaction((tx) => this.#round(tx, signers));
    if (round === null) return null;
    const { sealed, signed } = round;
    sealed_total.add(sealed);
    if (signed !== null) {
      signed.publish();
      const { origin, size, root } = signed;
      log.info('checkpoint_signed', { origin, size, root: root.toString('hex') });
    }
    return sealed;
  }

  async #round(tx: Tx, signers: readonly NoteSigner[]): Promise<Round | null> {
    const lease = { owner: this.queue.owner, lease_token: this.#lease_token };
    const held = await this.repository.hold(tx, lease, randomUUID(), this.queue.lease_ms);
    if (held === null) return null;
    this.#lease_token = held.lease_token;
    const waiting = await this.repository.unsealed(tx, BATCH);
    if (waiting.length > 0) await this.repository.append(tx, held.tree, waiting);
    else if (!held.is_stale) return { sealed: 0, signed: null };
    return { sealed: waiting.length, signed: await this.#sign(tx, held, signers) };
  }

  /** A mark of the time goes before each checkpoint: what it counts was there by then, and it is no older than that. */
  async #sign(tx: Tx, held: HeldSealer, signers: readonly NoteSigner[]): Promise<Round['signed']> {
    const { tree } = held;
    const occurred_at = await this.entries.now(tx);
    const mark = markOf(occurred_at);
    await this.repository.appendOwn(tx, tree, mark);
    const origin = signers[0]!.name;
    const head = { origin, size: tree.size, root: tree.root() };
    const checkpoint = signCheckpoint(head, signers);
    await this.repository.store(tx, held, checkpoint);
    // Event times have milliseconds.
    const told = { origin, size: tree.size, checkpoint, occurred_at: occurred_at.replace(/\d{3}Z$/, 'Z') };
    return { ...head, publish: this.queue.tell(tx, [checkpointTold(told)]) };
  }
}

function markOf(occurred_at: string): { id: string; entry: Buffer } {
  const id = v7();
  const { correlation_id } = currentContext();
  const entry = encodeEntry({
    ...{
      id,
      occurred_at,
      service: SERVICE,
      action: TIME_MARK,
      outcome: 'done',
      actor: SERVICE,
      role: null,
      origin: null,
    },
    ...{ subject_type: 'audit_log', subject_id: 'audit_log', source: null, reason: null, correlation_id, details: {} },
  });
  return { id, entry };
}
