import type { Failure } from '@assay/contracts';
import type { OutgoingEvent } from '@assay/contracts';
import type { Tx } from '@assay/postgres';
import type { DeadUnit, DelayedUnit, DoneUnit, EventsByItem, Unit, WorkQueue } from '@assay/work-queue';
import { deadLetterEvents, delayedEvent, settledEvent } from './delivery-events.js';
import type { DeliveryItems } from './delivery-items.js';
import { deliveries } from './delivery-metrics.js';
import type { DeliveryBody, DeliveryResult } from './delivery.types.js';
import { byParent, parentDeltas, parentKey } from './delivery.repository.js';
import type { ChangedDelivery, DeliveryEnd, DeliveryRepository, Parent } from './delivery.repository.js';

interface Changed {
  by_id: Map<string, ChangedDelivery>;
  parents: Map<string, Parent>;
}

/** What the queue's guarded transaction does with the outcomes of deliveries (DEL-15). */
export class SettlementOfDeliveries {
  constructor(
    private readonly repository: DeliveryRepository,
    private readonly queue: WorkQueue,
    private readonly items: DeliveryItems,
    private readonly destinationOf: (body: DeliveryBody) => string,
  ) {}

  /** Evidence and state in one write; one `delivery.settled` per parent, on the first of its items. */
  async settled(tx: Tx, done: readonly DoneUnit<DeliveryBody, DeliveryResult>[]): Promise<EventsByItem> {
    const ends = done.flatMap(({ unit, result }) => endOf(unit, result));
    const { by_id, parents } = await this.#change(tx, ends);
    return settledEvents(done, by_id, parents);
  }

  async delayed(tx: Tx, units: readonly DelayedUnit<DeliveryBody>[]): Promise<OutgoingEvent[]> {
    const ends = units.map(({ unit, failure, next_due_at }) => ({
      ...failedEnd(unit, failure, 'retry_scheduled', 'attempt_failed'),
      next_attempt_at: next_due_at,
      compact_bytes: unit.body.compact_next,
    }));
    const { by_id, parents } = await this.#change(tx, ends);
    return units.flatMap(({ unit, ...facts }) => {
      const changed = by_id.get(unit.body.row.id);
      return changed ? [delayedEvent(parents.get(parentKey(changed))!, changed.id, facts)] : [];
    });
  }

  async deadLettered(tx: Tx, units: readonly DeadUnit<DeliveryBody>[]): Promise<EventsByItem> {
    const { by_id, parents } = await this.#change(tx, units.map(deadEnd));
    const events: EventsByItem = new Map();
    for (const { unit, failure, attempts, first_failure_at, last_failure_at } of units) {
      const delivery = by_id.get(unit.body.row.id);
      if (!delivery) continue;
      // What ended as unknown is dead-lettered as that, whatever the last attempt said; a crash loop keeps its name.
      const unknown = delivery.state === 'unknown' && failure.error_class !== 'WORKER_CRASH_LOOP';
      const error_class = unknown ? 'OUTCOME_UNKNOWN' : failure.error_class;
      const destination = this.destinationOf(unit.body);
      const { answer } = unit.body;
      const times = { first_failure_at, last_failure_at };
      const facts = { delivery, destination, error_class, failure, attempts, ...times, answer };
      events.set(unit.item.id, deadLetterEvents(parents.get(parentKey(delivery))!, facts));
    }
    await this.#queueAgain(
      tx,
      units.flatMap(({ unit }) => (by_id.has(unit.body.row.id) ? [] : [unit])),
    );
    return events;
  }

  /**
   * A row that changed after it was read was judged by what it no longer is: the late "not sent" of an attempt whose
   * lease had ended closes the intent that the next owner has just found open. The item ends with this settlement, so
   * while its row is open it gets another one, which reads the row again (GEN-5).
   */
  async #queueAgain(tx: Tx, units: readonly Unit<DeliveryBody>[]): Promise<void> {
    if (units.length === 0) return;
    const open = await this.repository.openOf(
      tx,
      units.map(({ body }) => body.row.id),
    );
    const again = units.flatMap(({ item, body: { row } }) => {
      const { priority, correlation_id, traceparent } = item;
      return open.has(row.id) ? [this.items.of({ ...row, priority, correlation_id, traceparent })] : [];
    });
    this.queue.insert(tx, again);
  }

  async #change(tx: Tx, ends: readonly DeliveryEnd[]): Promise<Changed> {
    if (ends.length === 0) return { by_id: new Map(), parents: new Map() };
    const changed = await this.repository.settle(tx, this.queue.owner, ends);
    const parents = await this.repository.changeParents(tx, parentDeltas(changed));
    tx.afterCommit(() => {
      for (const { channel, state } of changed) deliveries.add(1, { channel, state });
    });
    return { by_id: new Map(changed.map((row) => [row.id, row])), parents };
  }
}

/** By the item that carries it: the first of its parent's whose row was still open. */
export function settledEvents(
  done: readonly DoneUnit<DeliveryBody, DeliveryResult>[],
  by_id: ReadonlyMap<string, ChangedDelivery>,
  parents: ReadonlyMap<string, Parent>,
): EventsByItem {
  const untold = byParent(by_id.values());
  const events: EventsByItem = new Map();
  for (const { unit } of done) {
    const changed = by_id.get(unit.body.row.id);
    const together = changed && untold.get(parentKey(changed));
    if (!together) continue;
    untold.delete(parentKey(changed));
    events.set(unit.item.id, [settledEvent(parents.get(parentKey(changed))!, together)]);
  }
  return events;
}

function endOf(unit: Unit<DeliveryBody>, result: DeliveryResult): DeliveryEnd[] {
  if (result.kind === 'sent') return [sentEnd(unit, result)];
  if (result.kind === 'superseded') return [unsentEnd(unit, 'superseded', 'superseded_by_newer_version')];
  if (result.kind === 'below_threshold') {
    return [{ ...unsentEnd(unit, 'waived', 'below_threshold'), withheld: result.withheld }];
  }
  return result.kind === 'cancelled' ? [unsentEnd(unit, 'waived', 'cancelled')] : [];
}

function unsentEnd(
  { body }: Unit<DeliveryBody>,
  to_state: DeliveryEnd['to_state'],
  cause: DeliveryEnd['cause'],
): DeliveryEnd {
  return {
    id: body.row.id,
    intent_token: body.row.intent_token,
    to_state,
    cause,
    outcome: 'none',
    notification_id: null,
    error_class: null,
    error_code: null,
    answer: body.answer,
  };
}

function sentEnd(
  { body }: Unit<DeliveryBody>,
  result: { notification_id: string; evidence_in_ms?: number },
): DeliveryEnd {
  return {
    id: body.row.id,
    intent_token: tokenOf(body),
    to_state: 'sent',
    cause: 'provider_accepted',
    outcome: 'sent',
    notification_id: result.notification_id,
    error_class: null,
    error_code: null,
    answer: body.answer,
    evidence_in_ms: result.evidence_in_ms,
  };
}

function deadEnd({ unit, failure }: DeadUnit<DeliveryBody>): DeliveryEnd {
  const { attempt } = unit.body;
  if (failure.error_class === 'OUTCOME_UNKNOWN' && !failure.retryable) {
    return failedEnd(unit, failure, 'unknown', 'outcome_unknown');
  }
  // A definite refusal of the recipient says enough; otherwise an earlier attempt may still have gone through.
  const refused = attempt?.outcome === 'not_sent' && !failure.retryable;
  return failedEnd(unit, failure, 'failed_permanent', refused ? 'refused_for_ever' : 'attempts_exhausted');
}

function failedEnd(
  { body }: Unit<DeliveryBody>,
  failure: Failure,
  to_state: DeliveryEnd['to_state'],
  cause: DeliveryEnd['cause'],
): DeliveryEnd {
  return {
    id: body.row.id,
    intent_token: tokenOf(body),
    to_state,
    cause,
    outcome: body.attempt?.outcome ?? 'none',
    notification_id: body.row.notification_id,
    error_class: failure.error_class,
    error_code: failure.code,
    answer: body.answer,
  };
}

/** The intent that the row is expected to bear: this attempt's, else the one that was read. */
function tokenOf(body: DeliveryBody): string | null {
  return body.attempt?.token ?? body.row.intent_token;
}
