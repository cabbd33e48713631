import type { Failure } from '@assay/contracts';
import type { Classification, Provider } from '../providers/provider.js';
import type { DestinationFaults } from './destination-faults.js';
import type { DestinationLane, Ticket } from './destination-lane.js';
import { asRetryable, outcomeUnknown } from './failures.js';
import type { FaultSubject } from './fault-events.js';
import { compactNext } from './message-form.js';
import type { DeliveryOutcome, DeliveryUnit, Parking } from './parking.js';
import { askedMs, retryInMs } from './schedule.js';
import type { Schedules } from './schedules.js';

/** A send that has begun. */
export interface Send {
  unit: DeliveryUnit;
  provider: Provider;
  lane: DestinationLane;
  ticket: Ticket;
  /** What the recipient's destination takes; null: no compact form is wanted. */
  max_bytes: number | null;
}

/** What becomes of a row whose send has failed: whom that concerns, who is told, and what it waits for (DEL-4, DEL-7). */
export class FailedSends {
  constructor(
    private readonly faults: DestinationFaults,
    private readonly parking: Parking,
    private readonly schedules: Schedules,
  ) {}

  async judge(send: Send, said: Classification): Promise<DeliveryOutcome> {
    const { unit, lane, ticket } = send;
    const { verdict, failure, concerns } = await this.#whose(lane, said);
    unit.body.attempt = { token: unit.item.lease.token, outcome: verdict === 'ambiguous' ? 'ambiguous' : 'not_sent' };
    unit.body.answer = said.answer;
    if (verdict === 'known') return this.#known(send, said);
    const compact_next = compactNext(send.provider, send.max_bytes, unit.body.row, said);
    if (compact_next !== null) {
      ticket.succeeded();
      unit.body.compact_next = compact_next;
      return { kind: 'failed', failure: asRetryable(failure) };
    }
    if (concerns === 'recipient') {
      // A refusal that may not be the row's own says neither that the destination works nor that it fails.
      if (!said.suspected) ticket.succeeded();
      return { kind: 'failed', failure };
    }
    if (concerns === 'destination' && !said.suspected) return this.#destinationFailed(send, said);
    ticket.refused(concerns, failure);
    await this.#report(send, concerns, { ...said, stays: true });
    return this.#wait(send, verdict, failure);
  }

  /** A refusal of one row that others share is the destination's or the credential's, and they wait with it (DEL-7). */
  async #whose({ destination }: DestinationLane, said: Classification): Promise<Classification> {
    const { suspected, failure } = said;
    if (!suspected || !(await this.faults.isGeneral(destination.name, suspected))) return said;
    return { ...said, verdict: 'not_sent_retryable', concerns: suspected.of, failure: asRetryable(failure) };
  }

  /**
   * The receiver has this key already. Only an earlier attempt whose intent is open can have brought it there: then it was
   * told, if its word counts, and else nothing has been learnt. Without one the key is taken by something else.
   */
  #known({ unit: { body }, provider, lane, ticket }: Send, { failure, known }: Classification): DeliveryOutcome {
    ticket.succeeded();
    if (body.row.open_intent_age_ms === null) return { kind: 'failed', failure };
    if (known?.believed) {
      this.faults.succeeded(lane.destination.name);
      return { kind: 'done', result: { kind: 'sent', notification_id: body.row.key } };
    }
    const resend = provider.capabilities.ambiguous_policy === 'resend';
    return { kind: 'failed', failure: resend ? asRetryable(failure) : outcomeUnknown(failure.code) };
  }

  async #destinationFailed(send: Send, said: Classification): Promise<DeliveryOutcome> {
    const { unit, provider, ticket } = send;
    const { verdict, failure, stays = false } = said;
    const open = ticket.failed(unit.item.attempts + 1, failure);
    if (open || stays) await this.#report(send, 'destination', said);
    const resend = provider.capabilities.ambiguous_policy === 'resend' || provider.capabilities.lookup !== null;
    if (verdict === 'not_sent_permanent' || (verdict === 'ambiguous' && !resend)) return { kind: 'failed', failure };
    const again = verdict === 'ambiguous' ? asRetryable(failure) : failure;
    return open ? this.#wait(send, verdict, again) : { kind: 'failed', failure: again };
  }

  /** An outage spends no attempts (DEL-8): the row waits for the circuit's next probe, unless its time is over. */
  async #wait({ unit, lane }: Send, verdict: Classification['verdict'], failure: Failure): Promise<DeliveryOutcome> {
    if (unit.body.is_last) return { kind: 'failed', failure };
    await this.parking.withdraw(unit, { failed: true, maybe: verdict === 'ambiguous' }, failure.code);
    const asked_ms = askedMs(this.schedules.of(unit.body.row), { attempt: unit.item.attempts + 1, failure });
    return this.parking.park(unit, lane, lane.held(), asked_ms);
  }

  #report({ unit, provider, lane }: Send, subject_type: FaultSubject, said: Classification): Promise<void> {
    const { item, body } = unit;
    const { channel, address } = body.row;
    const { failure, answer, stays = false } = said;
    const send = { attempt: item.attempts + 1, elapsed_ms: 0, failure };
    const next_attempt_in_ms =
      lane.phase === 'closed' ? retryInMs(this.schedules.of(body.row), send, () => 1)! : lane.probeInMs;
    const where = { destination: lane.destination, channel, address: provider.channel === 'webhook' ? address : null };
    return this.faults.report({ subject_type, ...where, failure, answer, stays, next_attempt_in_ms, item });
  }
}
