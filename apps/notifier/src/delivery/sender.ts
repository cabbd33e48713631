import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '@assay/contracts';
import { createLog, startSpan } from '@assay/observability';
import { fullJitterMs } from '@assay/work-queue';
import type { Outcome, Unit } from '@assay/work-queue';
import { RENDER_VERSION } from '../rendering/index.js';
import type { Payload } from '../rendering/index.js';
import type { Classification, Provider, Receipt } from '../providers/provider.js';
import { deliveryKey } from './delivery-key.js';
import { parkings, sends, sendSeconds, withheld } from './delivery-metrics.js';
import type { DeliveryBody, DeliveryResult, DeliverySettings } from './delivery.types.js';
import type { DeliveryRepository, IntentEnd } from './delivery.repository.js';
import type { DestinationFaults } from './destination-faults.js';
import type { FaultSubject } from './fault-events.js';
import type { DestinationLane, ParkReason, Ticket } from './destination-lane.js';
import type { IntentWriter } from './intent-writer.js';
import { askedMs, retryInMs } from './schedule.js';
import type { WaitingParents } from './waiting-parents.js';

const log = createLog('notifier.sender', ['send_withheld', 'intent_refused', 'withdrawal_failed', 'payload_differs']);

export type DeliveryOutcome = Outcome<DeliveryResult>;
type DeliveryUnit = Unit<DeliveryBody>;

export interface SenderParts {
  repository: DeliveryRepository;
  intents: IntentWriter;
  faults: DestinationFaults;
  waiting: WaitingParents;
  settings: DeliverySettings;
}

/** A row whose intent was refused has changed since it was read: it is read again at once. */
const READ_AGAIN_MS = 20;
const POSTGRES_AWAY_MS = 1_000;
const WITHDRAWAL_RETRIES = { first_ms: 100, cap_ms: 2_000 };
const NOTHING_SENT = { failed: false, maybe: false };
/** Reasons that a job's wait is told for; the others are ours, and short. */
const OUTAGES: readonly ParkReason[] = ['circuit_open', 'credential_refused'];

/**
 * One attempt in DEL-3's order: intent (with the re-read in its statement), the lease's check, send. The effect is
 * stored by the queue's guarded transaction once this has answered.
 */
export class Sender {
  constructor(private readonly parts: SenderParts) {}

  /** @param again an intent of an earlier attempt is open, and sending once more is the provider's policy */
  async attempt(
    unit: DeliveryUnit,
    provider: Provider,
    lane: DestinationLane,
    again: boolean,
  ): Promise<DeliveryOutcome> {
    const is_last = this.#isLast(unit, lane);
    unit.body.is_last = is_last;
    const entry = await lane.enter(is_last);
    if (entry.kind === 'park') return this.#park(unit, lane, entry.due_in_ms, entry.reason);
    let ticket: Ticket | null = entry.ticket;
    try {
      const payload = this.#render(unit, provider);
      if (payload instanceof Failure) return failedWithoutSend(unit, payload);
      if (!(await this.#recordIntent(unit, payload, again))) {
        return { kind: 'parked', due_in_ms: READ_AGAIN_MS, reason: 'row_changed' };
      }
      // DEL-14: judged after the intent is committed and before the first byte.
      const { lease } = unit.item;
      if (lease.lost || lease.remainingMs() <= this.parts.settings.send_timeout_ms) return await this.#withhold(unit);
      const used = ticket;
      ticket = null;
      return await this.#send(unit, provider, lane, used, payload);
    } catch (error) {
      const failure = Failure.from(error);
      if (!failure.retryable) return { kind: 'failed', failure };
      // Only Postgres rejects here: nothing was sent, and no attempt is spent on its absence. The intent may stand all
      // the same, and left open it would pass for a send that may have happened.
      await this.#withdraw(unit, NOTHING_SENT, failure.code);
      return { kind: 'parked', due_in_ms: POSTGRES_AWAY_MS, reason: failure.code };
    } finally {
      ticket?.withdrawn();
    }
  }

  /** The time to give up has passed; a row that has made no attempt yet has that time only behind an open circuit. */
  #isLast({ body: { row } }: DeliveryUnit, lane: DestinationLane): boolean {
    if (row.waits_ms < this.parts.settings.give_up_after_ms) return false;
    return row.first_attempt_at !== null || lane.phase !== 'closed';
  }

  #render(unit: DeliveryUnit, provider: Provider): Payload | Failure {
    const { row, review } = unit.body;
    const payload = provider.render(review(), row.frozen?.render_version ?? RENDER_VERSION);
    if (row.frozen === null || row.frozen.payload_hash === payload.hash) return payload;
    log.error('payload_differs', { delivery_id: row.id, render_version: row.frozen.render_version });
    return new Failure({
      error_class: 'PROGRAMMING_ERROR',
      code: 'payload_differs',
      retryable: false,
      message: 'the message renders to other bytes than the first intent froze; nothing was sent',
    });
  }

  async #recordIntent({ item, body }: DeliveryUnit, payload: Payload, again: boolean): Promise<boolean> {
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
    };
    const first_attempt_at = await this.parts.intents.record(wish, item.lease);
    if (first_attempt_at === null) {
      log.warn('intent_refused', { delivery_id: row.id });
      return false;
    }
    row.first_attempt_at = first_attempt_at;
    body.attempt = { token, outcome: 'none' };
    return true;
  }

  async #withhold(unit: DeliveryUnit): Promise<DeliveryOutcome> {
    withheld.add(1);
    log.warn('send_withheld', { delivery_id: unit.body.row.id, remaining_ms: unit.item.lease.remainingMs() });
    await this.#withdraw(unit, NOTHING_SENT, 'lease_too_short');
    return { kind: 'parked', due_in_ms: 0, reason: 'lease_too_short' };
  }

  async #send(
    unit: DeliveryUnit,
    provider: Provider,
    lane: DestinationLane,
    ticket: Ticket,
    payload: Payload,
  ): Promise<DeliveryOutcome> {
    const destination = lane.destination.name;
    const began_ms = performance.now();
    try {
      const receipt = await this.#callProvider(unit, provider, destination, payload);
      ticket.succeeded();
      this.parts.faults.succeeded(destination);
      sends.add(1, { destination, verdict: 'sent' });
      return { kind: 'done', result: { kind: 'sent', notification_id: receipt.notification_id } };
    } catch (error) {
      const classified = provider.classify(error);
      sends.add(1, { destination, verdict: classified.verdict });
      return await this.#judge(unit, provider, lane, ticket, classified);
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
        key: deliveryKey({ ...row, recipient: { channel: row.channel, address: row.address } }),
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

  async #judge(
    unit: DeliveryUnit,
    provider: Provider,
    lane: DestinationLane,
    ticket: Ticket,
    classified: Classification,
  ): Promise<DeliveryOutcome> {
    const { verdict, failure, concerns, stays = false } = classified;
    unit.body.attempt = { token: unit.item.lease.token, outcome: verdict === 'ambiguous' ? 'ambiguous' : 'not_sent' };
    unit.body.answer = classified.answer;
    if (concerns === 'recipient') {
      ticket.succeeded();
      return { kind: 'failed', failure };
    }
    if (concerns === 'credential') {
      ticket.credentialRefused();
      await this.#report(unit, provider, lane, 'credential', { ...classified, stays: true });
      return this.#wait(unit, lane, classified);
    }
    const open = ticket.failed(unit.item.attempts + 1);
    if (open || stays) await this.#report(unit, provider, lane, 'destination', classified);
    const resend = provider.capabilities.ambiguous_policy === 'resend' || provider.capabilities.lookup !== null;
    if (verdict === 'not_sent_permanent' || (verdict === 'ambiguous' && !resend)) return { kind: 'failed', failure };
    const again = verdict === 'ambiguous' ? asRetryable(failure) : failure;
    return open ? this.#wait(unit, lane, { ...classified, failure: again }) : { kind: 'failed', failure: again };
  }

  /** An outage spends no attempts (DEL-8): the row waits for the circuit's next probe, unless its time is over. */
  async #wait(
    unit: DeliveryUnit,
    lane: DestinationLane,
    { verdict, failure }: Pick<Classification, 'verdict' | 'failure'>,
  ): Promise<DeliveryOutcome> {
    if (unit.body.is_last) return { kind: 'failed', failure };
    await this.#withdraw(unit, { failed: true, maybe: verdict === 'ambiguous' }, failure.code);
    const parked = lane.park();
    const asked_ms = askedMs(this.parts.settings, { attempt: unit.item.attempts + 1, failure });
    return this.#park(unit, lane, Math.max(parked.due_in_ms, asked_ms), parked.reason);
  }

  #report(
    { item, body: { row } }: DeliveryUnit,
    provider: Provider,
    lane: DestinationLane,
    subject_type: FaultSubject,
    { failure, answer, stays = false }: Classification,
  ): Promise<void> {
    const { channel, address } = row;
    const one_address = provider.channel === 'webhook' ? address : null;
    const send = { attempt: item.attempts + 1, elapsed_ms: 0, failure };
    const next_attempt_in_ms =
      lane.phase === 'closed' ? retryInMs(this.parts.settings, send, () => 1)! : lane.park().due_in_ms;
    const about = { subject_type, destination: lane.destination, channel, address: one_address, next_attempt_in_ms };
    return this.parts.faults.report({ ...about, failure, answer, stays, item });
  }

  /**
   * Closes the intent; while Postgres is away again and again, for an intent that stays open is one that may have been
   * sent, and ends with an operator where nobody can be asked. Once the lease is another's, so is the row.
   */
  async #withdraw(
    { item, body }: DeliveryUnit,
    attempt: Pick<IntentEnd, 'failed' | 'maybe'>,
    code: string,
  ): Promise<void> {
    const { repository, settings } = this.parts;
    const end = { id: body.row.id, token: item.lease.token, ...attempt, code };
    for (let round = 1; !item.lease.lost; round += 1) {
      try {
        return await repository.withdrawIntents(settings.instance, [end]);
      } catch (error) {
        log.warn('withdrawal_failed', { delivery_id: body.row.id }, error);
        if (!Failure.from(error).retryable) return;
        await pause(fullJitterMs(round, WITHDRAWAL_RETRIES));
      }
    }
  }

  /** Parked rows use no attempt; but their time runs. */
  async #park(
    { item, body }: DeliveryUnit,
    lane: DestinationLane,
    due_in_ms: number,
    reason: ParkReason,
  ): Promise<DeliveryOutcome> {
    const destination = lane.destination.name;
    if (OUTAGES.includes(reason)) {
      const waits_ms = Math.max(0, this.parts.settings.give_up_after_ms - body.row.waits_ms);
      await this.parts.waiting.tell({ row: body.row, item, failure: notAvailable(reason, destination), waits_ms });
    }
    parkings.add(1, { destination, reason });
    return { kind: 'parked', due_in_ms, reason };
  }
}

function failedWithoutSend({ body }: DeliveryUnit, failure: Failure): DeliveryOutcome {
  body.attempt = { token: body.row.intent_token, outcome: 'none' };
  return { kind: 'failed', failure };
}

/** Ambiguous, and the receiver is idempotent or can be asked: worth another attempt. */
function asRetryable(failure: Failure): Failure {
  const { error_class, code, message, upstream_status, retry_after_ms } = failure;
  return new Failure({ error_class, code, message, upstream_status, retry_after_ms, retryable: true, cause: failure });
}

function notAvailable(reason: ParkReason, destination: string): Failure {
  return new Failure({
    error_class: reason === 'credential_refused' ? 'AUTHENTICATION_FAILED' : 'DEPENDENCY_UNAVAILABLE',
    code: reason,
    retryable: true,
    message: `${destination} is not available`,
  });
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
