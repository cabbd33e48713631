import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { Channel } from '@assay/contracts';
import type { ReceiverAnswer } from '../providers/index.js';
import type { DeliveryFilter } from './delivery-queries.js';
import { lastLookedAt, listDeliveries, SUMMARY_COLUMNS } from './sql/list-deliveries.js';

/** A delivery in a list, as it is stored. */
export interface ListedDelivery {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  job_id: string;
  generation: number;
  channel: Channel;
  address: string;
  /** The provider of its latest attempt; null before that. */
  sent_via: string | null;
  state: string;
  /** 0; from 1 where it sends again what the delivery `repeats` had sent. */
  repeat: number;
  repeats: string | null;
  /** What the receiver was given with every attempt: the `webhook-id`, or the heart of the `Message-ID`. */
  key: string;
  /** The provider's own name for what it accepted. */
  notification_id: string | null;
  notified_at: string | null;
  /** The receiver's last word, redacted; null where it has said nothing. */
  answer: ReceiverAnswer | null;
  /** Sends that were made, or may have been. */
  attempts: number;
  /** Of a row in its own schedule; null where it waits for its destination, which is tried again within a minute. */
  next_attempt_at: string | null;
  /** Findings that its recipient's rules left out of the message (DEL-16). */
  withheld: number;
  error_class: string | null;
  /** Why the last attempt failed. */
  code: string | null;
  created_at: string;
  updated_at: string;
}

/** A step of its history (GEN-1). */
export interface DeliveryStep {
  at: string;
  from_state: string | null;
  to_state: string;
  cause: string;
  actor: string;
  code: string | null;
}

export interface StoredDelivery extends ListedDelivery {
  /** Of this generation. */
  first_attempt_at: string | null;
  /** The send that is under way, or whose outcome nobody knows. */
  intent_at: string | null;
  intent_owner: string | null;
  /** An earlier send that may have arrived. */
  maybe_sent_at: string | null;
  /** SHA-256 of what every attempt sends. */
  payload_hash: string | null;
  /** The delivery to the corrected recipient. */
  replaced_by: string | null;
  /** Those that dead letters about it name: the first of each chain of corrections; null for itself alone. */
  original_ids: string[] | null;
  /** Why nobody is told. */
  waived_for: string | null;
  transitions: DeliveryStep[];
}

/** Reads for operators and submitters. */
@Injectable()
export class DeliveriesViewRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  list(filter: DeliveryFilter, page: { before: string | null; limit: number }): Promise<ListedDelivery[]> {
    const { text, params } = listDeliveries(filter, page);
    return this.database.query<ListedDelivery>(text, params);
  }

  /** Where the next page begins that follows one which has found all that there is within what it may look at. */
  async lastLookedAt(filter: DeliveryFilter, before: string | null): Promise<string | null> {
    const { text, params } = lastLookedAt(filter, before);
    const [row] = await this.database.query<{ id: string }>(text, params);
    return row?.id ?? null;
  }

  get(id: string, sources: string[] | null): Promise<StoredDelivery | undefined> {
    return this.database.snapshot((tx) => this.#delivery(tx, id, sources));
  }

  async #delivery(tx: Tx, id: string, sources: string[] | null): Promise<StoredDelivery | undefined> {
    const [delivery] = await tx.query<Omit<StoredDelivery, 'transitions'>>(
      `SELECT ${SUMMARY_COLUMNS}, d.first_attempt_at, d.intent_at, d.intent_owner, d.maybe_sent_at, d.payload_hash,
          d.replaced_by, d.original_ids, d.waived_for
        FROM deliveries AS d WHERE d.id = $1 AND ($2::text[] IS NULL OR d.source = ANY ($2))`,
      [id, sources],
    );
    if (!delivery) return undefined;
    const transitions = await tx.query<DeliveryStep>(
      `SELECT at, from_state, to_state, cause, actor, error_code AS code FROM delivery_transitions
        WHERE delivery_id = $1 ORDER BY at`,
      [id],
    );
    return { ...delivery, transitions };
  }
}
