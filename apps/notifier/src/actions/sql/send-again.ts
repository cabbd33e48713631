import type { Channel, DeliveryState } from '@assay/contracts';
import { statement } from '@assay/postgres';

export interface RepeatedDelivery {
  id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  channel: Channel;
  address: string;
  job_id: string;
  generation: number;
  state: DeliveryState;
  /** Of the next row that sends it again. */
  next_repeat: number;
  /** Others of its parent have automatic work left. */
  job_open: boolean;
  newer_version_known: boolean;
}

/** The first row of its tuple, which acts on the tuple take turns at. $1 a delivery, $2 sources or null. */
export const LOCK_FIRST = statement(
  'lock_first_delivery',
  `SELECT f.id FROM deliveries AS d JOIN deliveries AS f ON f.id = coalesce(d.repeats, d.id)
    WHERE d.id = $1 AND ($2::text[] IS NULL OR d.source = ANY ($2)) FOR UPDATE OF f`,
);

/**
 * How it stands, once it is locked. $1 the first row.
 * EXPLAIN: Index Scans on deliveries_pkey, deliveries_identity, deliveries_of_review and reviews_of_changelist.
 */
export const REPEATED = statement(
  'repeated_delivery',
  `SELECT d.id, d.source, d.changelist_id, d.review_version, d.channel, d.address, d.job_id, d.generation, d.state,
      (SELECT max(r.repeat) + 1 FROM deliveries AS r
        WHERE r.source = d.source AND r.changelist_id = d.changelist_id AND r.review_version = d.review_version
          AND r.channel = d.channel AND r.address = d.address) AS next_repeat,
      EXISTS (SELECT FROM deliveries AS o WHERE o.job_id = d.job_id AND o.generation = d.generation AND o.repeat = 0
        AND o.state IN ('pending', 'sending', 'retry_scheduled')) AS job_open,
      EXISTS (SELECT FROM reviews AS n WHERE n.source = d.source AND n.changelist_id = d.changelist_id
        AND n.review_version > d.review_version) AS newer_version_known
    FROM deliveries AS d WHERE d.id = $1`,
);

/**
 * The row that sends it again: the bytes that its first intent froze, under a key of its own or the same.
 *
 * $1 id, $2 the first row, $3 repeat, $4 key, $5 actor.
 */
export const INSERT_REPEAT = statement(
  'insert_repeat',
  `INSERT INTO deliveries (id, source, changelist_id, review_version, channel, address, repeat, repeats, key, job_id,
      generation, state, born, born_by, frozen_job_id, frozen_generation, render_version, payload_hash, compact_bytes, filter, withheld)
  SELECT $1, source, changelist_id, review_version, channel, address, $3, $2, decode($4, 'hex'), job_id, generation,
      'pending', 'pending', $5, frozen_job_id, frozen_generation, render_version, payload_hash, compact_bytes, filter,
      withheld
    FROM deliveries WHERE id = $2`,
);

/** Acts on one request take turns. $1 the act. */
export const LOCK_ACTION = statement('lock_action', 'SELECT outcome FROM actions WHERE id = $1 FOR UPDATE');
