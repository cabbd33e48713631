import { Failure } from '@assay/contracts';
import { createLog, startSpan } from '@assay/observability';
import { filteredReview, hasNothingToTell, RENDER_VERSION } from '../rendering/index.js';
import type { Payload } from '../rendering/index.js';
import type { DeliveryRules } from '@assay/providers-file';
import type { Provider, Receipt } from '../providers/provider.js';
import { sends, sendSeconds, withheld } from './delivery-metrics.js';
import type { DeliverySettings } from './delivery.types.js';
import type { DestinationFaults } from './destination-faults.js';
import type { DestinationLane } from './destination-lane.js';
import type { FailedSends, Send } from './failed-sends.js';
import type { HeldReview, HeldReviews } from './held-reviews.js';
import type { IntentWriter } from './intent-writer.js';
import { messageForm } from './message-form.js';
import type { MessageForm } from './message-form.js';
import type { DeliveryOutcome, DeliveryUnit, Parking } from './parking.js';
import type { Schedules } from './schedules.js';

const log = createLog('notifier.sender', ['send_withheld', 'intent_refused', 'payload_differs']);

export interface SenderParts {
  intents: IntentWriter;
  faults: DestinationFaults;
  parking: Parking;
  failed: FailedSends;
  reviews: HeldReviews;
  schedules: Schedules;
  settings: DeliverySettings;
}

const POSTGRES_AWAY_MS = 1_000;
const NOTHING_SENT = { failed: false, maybe: false };

/**
 * One attempt in DEL-3's order: intent (with the re-read in its statement), the lease's check, send. The effect is
 * stored by the queue's guarded transaction once this has answered.
 */
export class Sender {
  constructor(private readonly parts: SenderParts) {}

  /**
   * @param rules of the recipient, with the limit of its destination where they have none
   * @param again an intent of an earlier attempt is open, and sending once more is the provider's policy
   */
  async attempt(
    unit: DeliveryUnit,
    provider: Provider,
    lane: DestinationLane,
    rules: DeliveryRules,
    again: boolean,
  ): Promise<DeliveryOutcome> {
    const { row } = unit.body;
    const is_overdue = row.waits_ms >= this.parts.schedules.of(row).give_up_after_ms;
    // A row that has made no attempt yet begins with this one: what kept it may be over, and was not its receiver's fault.
    unit.body.is_last = is_overdue && row.first_attempt_at !== null;
    const entry = await lane.begin(is_overdue);
    if (entry.kind === 'held') return this.parts.parking.park(unit, lane, entry);
    const { ticket } = entry;
    const review = await this.#hold(unit);
    try {
      if (review instanceof Failure) return notReadNow(review);
      const send = { unit, provider, lane, ticket, max_bytes: rules.max_bytes };
      const below = again ? null : belowThreshold(unit, rules, review);
      return below ?? (await this.#tell(send, rules, review, again));
    } finally {
      ticket.over();
      if (!(review instanceof Failure)) review.release();
    }
  }

  async #tell(send: Send, rules: DeliveryRules, review: HeldReview, again: boolean): Promise<DeliveryOutcome> {
    const { unit, provider } = send;
    try {
      const form = this.#render(unit, provider, rules, review);
      if (form instanceof Failure) return failedWithoutSend(unit, form);
      if (!(await this.#recordIntent(unit, provider, form, again))) {
        // It has changed since it was read, and is read anew with its next claim.
        return { kind: 'parked', due_in_ms: 0, reason: 'row_changed' };
      }
      // DEL-14: judged after the intent is committed and before the first byte.
      const { lease } = unit.item;
      if (lease.lost || lease.remainingMs() <= this.parts.settings.send_timeout_ms) return await this.#withhold(unit);
      return await this.#send(send, form.payload);
    } catch (error) {
      const failure = Failure.from(error);
      if (!failure.retryable) return { kind: 'failed', failure };
      // Only Postgres rejects here: nothing was sent, and no attempt is spent on its absence. The intent may stand all
      // the same, and left open it would pass for a send that may have happened.
      await this.parts.parking.withdraw(unit, NOTHING_SENT, failure.code);
      return { kind: 'parked', due_in_ms: POSTGRES_AWAY_MS, reason: failure.code };
    }
  }

  /** The review that the message is made from, once there is memory for it. */
  async #hold({ body }: DeliveryUnit): Promise<HeldReview | Failure> {
    try {
      return await this.parts.reviews.hold(body.review, body.at_hand);
    } catch (error) {
      return Failure.from(error);
    } finally {
      body.at_hand = undefined;
    }
  }

  #render(unit: DeliveryUnit, provider: Provider, rules: DeliveryRules, review: HeldReview): MessageForm | Failure {
    const { row } = unit.body;
    const form = messageForm(provider, rules, row, review);
    if (row.frozen === null || row.frozen.payload_hash === form.payload.hash) return form;
    log.error('payload_differs', { delivery_id: row.id, render_version: row.frozen.render_version });
    return new Failure({
      error_class: 'PROGRAMMING_ERROR',
      code: 'payload_differs',
      retryable: false,
      message: 'the message renders to other bytes than the first intent froze; nothing was sent',
    });
  }

  async #recordIntent(
    { item, body }: DeliveryUnit,
    provider: Provider,
    { payload, compact_bytes, filter, withheld: withheld_findings }: MessageForm,
    again: boolean,
  ): Promise<boolean> {
    const { row } = body;
    const { token } = item.lease;
    const wish = {
      id: row.id,
      item_id: item.id,
      token,
      again,
      job_id: row.job_id,
      generation: row.generation,
      render_version: RENDER_VERSION,
      payload_hash: payload.hash,
      provider: provider.name,
      compact_bytes,
      filter,
      withheld: withheld_findings,
    };
    const first_attempt_at = await this.parts.intents.record(wish, item.lease);
    if (first_attempt_at === null) {
      log.warn('intent_refused', { delivery_id: row.id });
      return false;
    }
    // Its time runs from its first attempt.
    if (row.first_attempt_at === null) row.waits_ms = 0;
    row.first_attempt_at = first_attempt_at;
    body.attempt = { token, outcome: 'none' };
    return true;
  }

  async #withhold(unit: DeliveryUnit): Promise<DeliveryOutcome> {
    withheld.add(1);
    log.warn('send_withheld', { delivery_id: unit.body.row.id, remaining_ms: unit.item.lease.remainingMs() });
    await this.parts.parking.withdraw(unit, NOTHING_SENT, 'lease_too_short');
    return { kind: 'parked', due_in_ms: 0, reason: 'lease_too_short' };
  }

  async #send(send: Send, payload: Payload): Promise<DeliveryOutcome> {
    const { unit, provider, lane, ticket } = send;
    const destination = lane.destination.name;
    const began_ms = performance.now();
    try {
      const receipt = await this.#callProvider(unit, provider, destination, payload);
      unit.body.answer = receipt.answer;
      ticket.succeeded();
      this.parts.faults.succeeded(destination);
      sends.add(1, { destination, verdict: 'sent' });
      const { lookup } = provider.capabilities;
      const { lease_ms, send_timeout_ms } = this.parts.settings;
      const evidence_in_ms = lookup === null ? undefined : lease_ms + send_timeout_ms + lookup.lag_ms;
      return { kind: 'done', result: { kind: 'sent', notification_id: receipt.notification_id, evidence_in_ms } };
    } catch (error) {
      const classified = provider.classify(error);
      sends.add(1, { destination, verdict: classified.verdict });
      return await this.parts.failed.judge(send, classified);
    } finally {
      sendSeconds.record((performance.now() - began_ms) / 1_000, { destination });
    }
  }

  async #callProvider(
    { item, body }: DeliveryUnit,
    provider: Provider,
    destination: string,
    payload: Payload,
  ): Promise<Receipt> {
    const { row } = body;
    const attributes = { 'assay.destination': destination, 'assay.delivery_id': row.id };
    const span = startSpan('deliver', { kind: 'CLIENT', parent: item.traceparent, attributes });
    const limit = timeLimit(this.parts.settings.send_timeout_ms, item.lease.signal);
    try {
      const receipt = await provider.send({
        key: row.key,
        address: row.address,
        payload,
        correlation_id: item.correlation_id,
        traceparent: span.traceparent,
        signal: limit.signal,
      });
      span.end();
      return receipt;
    } catch (error) {
      span.end(provider.classify(error).failure);
      throw error;
    } finally {
      limit.end();
    }
  }
}

/** What the message is made from cannot be read now: no intent was recorded, and no attempt is spent. */
function notReadNow(failure: Failure): DeliveryOutcome {
  if (!failure.retryable) return { kind: 'failed', failure };
  return { kind: 'parked', due_in_ms: POSTGRES_AWAY_MS, reason: failure.code };
}

/** DEL-16: what was frozen once is told, whatever the file says since. */
function belowThreshold(
  { body: { row } }: DeliveryUnit,
  { skip_empty, filter }: DeliveryRules,
  review: HeldReview,
): DeliveryOutcome | null {
  if (!skip_empty || row.frozen !== null) return null;
  const told = filteredReview(review.input(), filter);
  if (!hasNothingToTell(told)) return null;
  return { kind: 'done', result: { kind: 'below_threshold', withheld: told.withheld } };
}

function failedWithoutSend({ body }: DeliveryUnit, failure: Failure): DeliveryOutcome {
  body.attempt = { token: body.row.intent_token, outcome: 'none' };
  return { kind: 'failed', failure };
}

/** Aborts after so long, or when the lease is lost. `AbortSignal.any` keeps its sources alive; this does not. */
function timeLimit(timeout_ms: number, lease: AbortSignal): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const timer = setTimeout(abort, timeout_ms);
  lease.addEventListener('abort', abort, { once: true });
  if (lease.aborted) abort();
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      lease.removeEventListener('abort', abort);
    },
  };
}
