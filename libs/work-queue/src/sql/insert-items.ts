import { statement } from '@assay/postgres';

/**
 * Creates items, the first of them born claimed (WQ-2). One `bytea` holds all payloads (see `packBodies`); a negative
 * length is no payload.
 *
 * $1 ids, $2 queues, $3 subjects, $4 generations, $5 priorities, $6 phases, $7 due in ms, $8 correlation ids,
 * $9 traceparents, $10 packed payloads, $11 offsets, $12 lengths, $13 how many are born claimed, $14 owner, $15 token,
 * $16 lease in ms, $17 lanes, $18 sources, $19 overdue in ms
 */
export const INSERT_ITEMS = statement(
  'work_items.insert',
  `INSERT INTO work_items (id, queue, subject_id, generation, state, phase, priority, due_at, correlation_id,
    traceparent, payload, claimed_by, lease_token, lease_expires_at, lane, source, overdue_at)
  SELECT u.id, u.queue, u.subject_id, u.generation,
    CASE WHEN u.place <= $13 THEN 'running' ELSE 'queued' END,
    u.phase, u.priority, clock_timestamp() + make_interval(secs => u.due_in_ms / 1000), u.correlation_id, u.traceparent,
    CASE WHEN u.length >= 0 THEN substring($10::bytea FROM u.start FOR u.length) END,
    CASE WHEN u.place <= $13 THEN $14 END,
    CASE WHEN u.place <= $13 THEN $15::uuid END,
    CASE WHEN u.place <= $13 THEN clock_timestamp() + make_interval(secs => $16::float8 / 1000) END,
    u.lane, u.source, clock_timestamp() + make_interval(secs => u.overdue_in_ms / 1000)
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::float8[], $8::text[],
      $9::text[], $11::int[], $12::int[], $17::text[], $18::text[], $19::float8[]) WITH ORDINALITY
    AS u(id, queue, subject_id, generation, priority, phase, due_in_ms, correlation_id, traceparent, start, length, lane,
      source, overdue_in_ms, place)`,
);
