import { Injectable } from '@nestjs/common';
import type { Channel, DeliveryState } from '@assay/contracts';
import { packBodies } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { ChangedDelivery } from '../delivery/index.js';
import { ADOPT_DELIVERIES, INSERT_DELIVERIES } from './sql/insert-deliveries.js';
import { INSERT_REVIEWS, KNOWN_VERSIONS, LOCK_CHANGELISTS } from './sql/insert-reviews.js';
import { SUPERSEDE_DELIVERIES } from './sql/supersede-deliveries.js';

export interface NewReview {
  job_id: string;
  generation: number;
  source: string;
  changelist_id: string;
  review_version: number;
  priority: number;
  open: number;
  correlation_id: string;
  traceparent: string | null;
  job_url: string;
  findings_url: string;
  /** The event's data as it came. */
  validated: Buffer;
}

export interface NewDelivery {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  channel: Channel;
  address: string;
  key: string;
  job_id: string;
  generation: number;
  state: 'pending' | 'superseded';
}

export interface AdoptedDelivery {
  id: string;
  channel: Channel;
  address: string;
  state: DeliveryState;
  from_state: DeliveryState;
  from_job_id: string;
  from_generation: number;
  job_id: string;
  generation: number;
  /** No recipient of the review: what such a one was replaced by (DEL-10). */
  followed: boolean;
}

export interface InsertedReview {
  job_id: string;
  generation: number;
  /** Before it came (ING-13). */
  cancelled: boolean;
}

export interface KnownVersions {
  source: string;
  changelist_id: string;
  oldest: number;
  newest: number;
}

/** Reads and writes of the intake; all inside its one transaction. */
@Injectable()
export class IntakeRepository {
  lockChangelists(tx: Tx, keys: readonly string[]): void {
    void tx.query(LOCK_CHANGELISTS, [[...new Set(keys)].sort()]);
  }

  /** The parents that are new. */
  insertReviews(tx: Tx, reviews: readonly NewReview[]): Promise<InsertedReview[]> {
    const { packed, offsets, lengths } = packBodies(reviews.map(({ validated }) => validated));
    const rows = reviews.map(({ validated: _validated, ...row }, index) => ({
      ...row,
      o: offsets[index],
      l: lengths[index],
    }));
    return tx.query(INSERT_REVIEWS, [packed, JSON.stringify(rows)]);
  }

  knownVersions(tx: Tx, of: readonly { source: string; changelist_id: string }[]): Promise<KnownVersions[]> {
    return tx.query(KNOWN_VERSIONS, [of.map(({ source }) => source), of.map(({ changelist_id }) => changelist_id)]);
  }

  async insertDeliveries(tx: Tx, deliveries: readonly NewDelivery[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(INSERT_DELIVERIES, [JSON.stringify(deliveries)]);
    return new Set(rows.map(({ id }) => id));
  }

  adopt(tx: Tx, actor: string, wanted: readonly (NewDelivery & { revive: boolean })[]): Promise<AdoptedDelivery[]> {
    return tx.query(ADOPT_DELIVERIES, [JSON.stringify(wanted), actor]);
  }

  supersede(
    tx: Tx,
    actor: string,
    changelists: readonly { source: string; changelist_id: string; newest: number }[],
  ): Promise<ChangedDelivery[]> {
    return tx.query(SUPERSEDE_DELIVERIES, [JSON.stringify(changelists), actor]);
  }
}
