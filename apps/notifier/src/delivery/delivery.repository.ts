import { Inject, Injectable } from '@nestjs/common';
import type { Channel, DeliveryState, DeliverySummary, ReviewValidated } from '@assay/contracts';
import type { FindingFilter } from '@assay/providers-file';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { ReceiverAnswer } from '../providers/provider.js';
import { renderingInput } from '../rendering/index.js';
import type { RenderingInput } from '../rendering/index.js';
import type { DeliveryRow } from './delivery-row.js';
import { OPEN_DELIVERY_STATES } from './delivery-states.js';
import type { DeliveryCause } from './delivery-states.js';
import type { ReviewReference } from './held-reviews.js';
import { BEGIN_WAITING, CHANGE_PARENTS, COUNT_DELIVERIES, READ_PARENTS } from './sql/change-parents.js';
import { LOAD_DELIVERIES, LOAD_REVIEWS } from './sql/load-deliveries.js';
import { RECORD_INTENTS } from './sql/record-intents.js';
import { SETTLE_DELIVERIES } from './sql/settle-deliveries.js';
import { WITHDRAW_INTENTS } from './sql/withdraw-intents.js';

export interface LoadedDelivery {
  row: DeliveryRow;
  /** What it is rendered from: the review that the first intent froze, else its parent's. */
  review: ReviewReference;
}

export interface IntentWish {
  id: string;
  item_id: string;
  token: string;
  /** An open intent of an earlier attempt is known, and the provider's policy is to send again. */
  again: boolean;
  job_id: string;
  generation: number;
  render_version: number;
  payload_hash: string;
  /** By name. */
  provider: string;
  compact_bytes: number | null;
  filter: FindingFilter | null;
  withheld: number;
}

export interface IntentEnd {
  id: string;
  token: string;
  /** The outcome of the attempt is not known. */
  maybe: boolean;
  /** A send took place and failed; false where none did. */
  failed: boolean;
  code: string;
  /** What the receiver said; where it said nothing, its last word stands. */
  answer?: ReceiverAnswer;
}

/** How an attempt ended; see SETTLE_DELIVERIES. */
export interface DeliveryEnd {
  id: string;
  intent_token: string | null;
  to_state: DeliveryState;
  cause: DeliveryCause;
  outcome: 'sent' | 'not_sent' | 'ambiguous' | 'none';
  notification_id: string | null;
  error_class: string | null;
  error_code: string | null;
  /** As of an {@link IntentEnd}. */
  answer?: ReceiverAnswer;
  /** Of one that is to be tried again. */
  next_attempt_at?: string;
  /** Of one whose whole form was refused for its size. */
  compact_bytes?: number;
  /** Of one that was sent: when its provider is to be asked for it. */
  evidence_in_ms?: number;
  /** Of one that its recipient wants no word of: findings that its filter left out. */
  withheld?: number;
}

export interface ChangedDelivery {
  id: string;
  job_id: string;
  generation: number;
  channel: Channel;
  from_state: DeliveryState;
  state: DeliveryState;
  notification_id: string | null;
  notified_at: string | null;
  payload_hash: string | null;
  /** The deliveries whose dead letters are about this one; null: its own alone (DEL-10). */
  original_ids: string[] | null;
  /** A dead letter was opened about it, or about what it stands for. */
  dead_lettered: boolean;
  /** Above 0 where it sends again what was sent (DEL-17). */
  repeat: number;
  /** Findings that its recipient's filter left out (DEL-16). */
  withheld: number;
}

export interface ParentDelta {
  job_id: string;
  generation: number;
  open: number;
  failed: number;
}

/** A parent after a change, with its full summary (GEN-9). */
export interface Parent {
  job_id: string;
  generation: number;
  source: string;
  changelist_id: string;
  review_version: number;
  priority: number;
  revision: number;
  correlation_id: string;
  traceparent: string | null;
  occurred_at: string;
  /** Until then nobody need speak of it: something that failed is due again, or waits for a destination; else null. */
  waits_until: string | null;
  summary: DeliverySummary;
}

/** A parent that has not told yet that its deliveries wait. */
export interface WaitingParent extends Parent {
  waits_until: string;
}

type ParentRow<P extends Parent = Parent> = Omit<P, 'summary' | 'waits_until'> & {
  open: number;
  failed: number;
  /** As it was told of deliveries that an outage keeps waiting. */
  waits_until?: string;
};

interface Counted {
  by_channel: DeliverySummary['by_channel'];
  withheld: number;
  waits_until: string | null;
}

export function parentKey(of: { job_id: string; generation: number }): string {
  return `${of.job_id}:${of.generation}`;
}

/** What belongs to each parent, by {@link parentKey}. */
export function byParent<T extends { job_id: string; generation: number }>(of: Iterable<T>): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of of) {
    const group = groups.get(parentKey(each));
    if (group) group.push(each);
    else groups.set(parentKey(each), [each]);
  }
  return groups;
}

/** Reads and writes of deliveries and their parents. */
@Injectable()
export class DeliveryRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async load(ids: readonly string[]): Promise<Map<string, LoadedDelivery>> {
    const rows = await this.database.query<LoadedRow>(LOAD_DELIVERIES, [ids]);
    return new Map(rows.map((row) => [row.id, { row: deliveryRow(row), review: reviewOf(row) }]));
  }

  /** Bodies of reviews by {@link parentKey}, each parsed on first use; one that is not there is missing. */
  async readReviews(of: readonly ReviewReference[]): Promise<Map<string, () => RenderingInput>> {
    const reviews = await this.database.query<StoredReview>(LOAD_REVIEWS, [
      of.map(({ job_id }) => job_id),
      of.map(({ generation }) => generation),
    ]);
    return new Map(reviews.map((review) => [parentKey(review), once(() => inputOf(review))]));
  }

  /** Commits the intents to send; returns those whose send may begin, each with the time of its first attempt. */
  async recordIntents(owner: string, wishes: readonly IntentWish[]): Promise<Map<string, string>> {
    const params = [JSON.stringify(wishes), owner];
    const rows = await this.database.query<{ id: string; first_attempt_at: string }>(RECORD_INTENTS, params);
    return new Map(rows.map(({ id, first_attempt_at }) => [id, first_attempt_at]));
  }

  async withdrawIntents(owner: string, ends: readonly IntentEnd[]): Promise<void> {
    await this.database.execute(WITHDRAW_INTENTS, [JSON.stringify(ends), owner]);
  }

  settle(tx: Tx, actor: string, ends: readonly DeliveryEnd[]): Promise<ChangedDelivery[]> {
    return tx.query<ChangedDelivery>(SETTLE_DELIVERIES, [JSON.stringify(ends), actor]);
  }

  /** Which of them have automatic work left. */
  async openOf(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(
      `SELECT id FROM deliveries WHERE id = ANY ($1::uuid[]) AND state = ANY ($2::text[]) AND notified_at IS NULL`,
      [ids, OPEN_DELIVERY_STATES],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Parents by {@link parentKey}, changed, each with a new revision. */
  async changeParents(tx: Tx, deltas: readonly ParentDelta[]): Promise<Map<string, Parent>> {
    if (deltas.length === 0) return new Map();
    return this.#summarised(tx, deltas, tx.query<ParentRow>(CHANGE_PARENTS, [JSON.stringify(deltas)]));
  }

  /** Those of the parents, by {@link parentKey}, that are to tell that they wait; each with a new revision. */
  async beginWaiting(
    tx: Tx,
    asked: readonly { job_id: string; generation: number; waits_ms: number }[],
  ): Promise<Map<string, WaitingParent>> {
    const rows = tx.query<ParentRow<WaitingParent>>(BEGIN_WAITING, [JSON.stringify(asked)]);
    return this.#summarised<WaitingParent>(tx, asked, rows);
  }

  /** Parents by {@link parentKey} as they stand, locked. */
  async readParents(tx: Tx, of: readonly { job_id: string; generation: number }[]): Promise<Map<string, Parent>> {
    if (of.length === 0) return new Map();
    const keys = [of.map(({ job_id }) => job_id), of.map(({ generation }) => generation)];
    return this.#summarised(tx, of, tx.query<ParentRow>(READ_PARENTS, keys));
  }

  /** The count is sent behind the statement that locks: it sees what whoever held the locks has committed. */
  async #summarised<P extends Parent = Parent>(
    tx: Tx,
    of: readonly { job_id: string; generation: number }[],
    locked: Promise<ParentRow<P>[]>,
  ): Promise<Map<string, P>> {
    const [rows, counts] = await Promise.all([locked, this.#count(tx, of)]);
    return new Map(
      rows.map((row) => {
        const { open, failed, ...parent } = row;
        const counted = counts.get(parentKey(row));
        const { by_channel = {}, withheld = 0 } = counted ?? {};
        const summary: DeliverySummary = { open, failed, by_channel, ...(withheld > 0 && { withheld }) };
        const waits_until = laterThan(row.occurred_at, [counted?.waits_until, row.waits_until]);
        return [parentKey(row), { ...parent, waits_until, summary } as unknown as P];
      }),
    );
  }

  async #count(tx: Tx, parents: readonly { job_id: string; generation: number }[]): Promise<Map<string, Counted>> {
    const rows = await tx.query<{
      job_id: string;
      generation: number;
      channel: string;
      state: DeliveryState;
      deliveries: number;
      withheld: number;
      waits_until: string | null;
    }>(COUNT_DELIVERIES, [parents.map((each) => each.job_id), parents.map((each) => each.generation)]);
    const counts = new Map<string, Counted>();
    for (const row of rows) {
      const of = counts.get(parentKey(row)) ?? { by_channel: {}, withheld: 0, waits_until: null };
      of.withheld += row.withheld;
      (of.by_channel[row.channel] ??= {})[row.state] = row.deliveries;
      if (row.waits_until !== null && row.waits_until > (of.waits_until ?? '')) of.waits_until = row.waits_until;
      counts.set(parentKey(row), of);
    }
    return counts;
  }
}

/** The latest of the times that lie ahead; all are the database's, as text of one form. */
function laterThan(now: string, times: readonly (string | null | undefined)[]): string | null {
  const ahead = times.filter((time): time is string => typeof time === 'string' && time > now);
  return ahead.toSorted().at(-1) ?? null;
}

/** Changes of deliveries as differences of what their parents count. */
export function parentDeltas(changed: readonly ChangedDelivery[]): ParentDelta[] {
  const deltas = new Map<string, ParentDelta>();
  for (const row of changed) {
    const { job_id, generation } = row;
    const delta = deltas.get(parentKey(row)) ?? { job_id, generation, open: 0, failed: 0 };
    delta.open += countsAsOpen(row.state) - countsAsOpen(row.from_state);
    // What is sent again fails no job.
    if (row.repeat === 0) delta.failed += countsAsFailed(row.state) - countsAsFailed(row.from_state);
    deltas.set(parentKey(row), delta);
  }
  return [...deltas.values()];
}

export function countsAsOpen(state: DeliveryState): number {
  return state === 'pending' || state === 'sending' || state === 'retry_scheduled' ? 1 : 0;
}

export function countsAsFailed(state: DeliveryState): number {
  return state === 'failed_permanent' || state === 'unknown' ? 1 : 0;
}

interface LoadedRow extends Omit<DeliveryRow, 'frozen'> {
  frozen_job_id: string | null;
  frozen_generation: number | null;
  render_version: number | null;
  payload_hash: string | null;
  review_job_id: string;
  review_generation: number;
  review_bytes: number;
}

interface StoredReview {
  job_id: string;
  generation: number;
  validated: Buffer;
  job_url: string;
  findings_url: string;
}

function reviewOf(row: LoadedRow): ReviewReference {
  return { job_id: row.review_job_id, generation: row.review_generation, bytes: row.review_bytes };
}

function deliveryRow(loaded: LoadedRow): DeliveryRow {
  const { frozen_job_id, frozen_generation, render_version, payload_hash, ...rest } = loaded;
  const { review_job_id, review_generation, review_bytes: _bytes, ...row } = rest;
  const frozen =
    payload_hash === null
      ? null
      : {
          job_id: frozen_job_id ?? review_job_id,
          generation: frozen_generation ?? review_generation,
          render_version: render_version!,
          payload_hash,
        };
  return { ...row, frozen };
}

function inputOf(review: StoredReview): RenderingInput {
  const validated = JSON.parse(review.validated.toString('utf8')) as ReviewValidated;
  return renderingInput(validated, { job: review.job_url, findings: review.findings_url });
}

/** What it is made from is let go once it is made. */
export function once<T>(make: () => T): () => T {
  let from: (() => T) | undefined = make;
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: from!() };
    from = undefined;
    return made.value;
  };
}
