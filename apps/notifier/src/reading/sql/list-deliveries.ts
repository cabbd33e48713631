import { FAILED_DELIVERY_STATES, OPEN_DELIVERY_STATES } from '../../delivery/index.js';
import type { DeliveryFilter } from '../delivery-queries.js';

/** A page looks at no more deliveries than this, however few of them fit. */
export const MOST_LOOKED_AT = 10_000;

export const SUMMARY_COLUMNS = `d.id, d.source, d.changelist_id, d.review_version, d.job_id, d.generation, d.channel,
  d.address, d.state, d.repeat, d.repeats, encode(d.key, 'hex') AS key, d.notification_id, d.notified_at, d.answer, d.next_attempt_at,
  d.error_class, d.error_code AS code, d.sent_via, d.withheld, d.created_at, d.updated_at,
  (SELECT count(*) FROM delivery_history AS h
    WHERE h.delivery_id = d.id AND h.intent_at IS NOT NULL AND h.cause <> 'not_sent')
    + CASE WHEN d.intent_at IS NULL THEN 0 ELSE 1 END AS attempts`;

interface Place {
  /** The last id of the page before. */
  before: string | null;
  limit: number;
}

/**
 * A page, newest first. What an index finds is asked for first, and no more of it than {@link MOST_LOOKED_AT}; the other
 * filters are held against that. Deliveries that wait and those that have failed are found through their parents: an
 * index on their state would take an entry with every attempt.
 *
 * EXPLAIN: a Limit over an Index Scan Backward on deliveries_pkey or deliveries_to, or a Sort over Index Scans on
 * deliveries_under_key, deliveries_of_review, or reviews_open and reviews_failed with deliveries_of_review.
 */
export function listDeliveries(filter: DeliveryFilter, { before, limit }: Place) {
  const { bind, params } = binder();
  const looked = lookedAt(filter, before, bind);
  const text = `SELECT ${SUMMARY_COLUMNS} FROM (${looked} LIMIT ${bind(MOST_LOOKED_AT)}) AS d
    WHERE ${heldAgainst(filter, bind)} ORDER BY d.id DESC LIMIT ${bind(limit)}`;
  return { text, params };
}

/** The last delivery that a page has looked at, if there may be more behind it. */
export function lastLookedAt(filter: DeliveryFilter, before: string | null) {
  const { bind, params } = binder();
  const looked = lookedAt(filter, before, bind);
  return { text: `SELECT d.id FROM (${looked} OFFSET ${bind(MOST_LOOKED_AT - 1)} LIMIT 1) AS d`, params };
}

type Bind = (value: unknown) => string;

function binder(): { bind: Bind; params: unknown[] } {
  const params: unknown[] = [];
  return { params, bind: (value) => `$${params.push(value)}` };
}

function lookedAt(filter: DeliveryFilter, before: string | null, bind: Bind): string {
  const { addresses, job_id, key } = filter;
  const conditions = [
    before && `d.id < ${bind(before)}`,
    key && `d.key = decode(${bind(key)}, 'hex')`,
    job_id && `d.job_id = ${bind(job_id)}`,
    // One by one, so that the order of the index is that of the page.
    addresses && `(${addresses.map((address) => `d.address = ${bind(address)}`).join(' OR ')})`,
    filter.behind?.address && `d.address = ${bind(filter.behind.address)}`,
  ].filter((condition) => condition !== null && condition !== undefined && condition !== '');
  const narrow = key ?? job_id ?? addresses;
  const parents = narrow === null ? parentsOf(filter.states) : null;
  const from = parents === null ? 'deliveries AS d' : `${parents} AS r JOIN deliveries AS d USING (job_id, generation)`;
  return `SELECT d.* FROM ${from} WHERE ${['true', ...conditions].join(' AND ')} ORDER BY d.id DESC`;
}

/** The parents that have all deliveries of these states; null where that is no few. */
function parentsOf(states: readonly string[] | null): string | null {
  if (states === null) return null;
  const within = (known: readonly string[]) => states.every((state) => known.includes(state));
  if (within(OPEN_DELIVERY_STATES)) return '(SELECT job_id, generation FROM reviews WHERE open > 0)';
  if (within(FAILED_DELIVERY_STATES)) return '(SELECT job_id, generation FROM reviews WHERE failed > 0)';
  if (!within([...OPEN_DELIVERY_STATES, ...FAILED_DELIVERY_STATES])) return null;
  return `(SELECT job_id, generation FROM reviews WHERE open > 0
    UNION SELECT job_id, generation FROM reviews WHERE failed > 0)`;
}

function heldAgainst({ behind, states, channel, sources }: DeliveryFilter, bind: Bind): string {
  const conditions = [
    sources && `d.source = ANY (${bind(sources)}::text[])`,
    behind && `d.channel = ${bind(behind.channel)}`,
    // One that was never tried may go to any of them.
    behind?.via && `coalesce(d.sent_via, ${bind(behind.via)}) = ${bind(behind.via)}`,
    states && `d.state = ANY (${bind(states)}::text[])`,
    channel && `d.channel = ${bind(channel)}`,
  ].filter((condition) => typeof condition === 'string');
  return ['true', ...conditions].join(' AND ');
}
