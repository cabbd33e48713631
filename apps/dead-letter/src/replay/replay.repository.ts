import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { Subject } from '../letters/index.js';
import { UNDER_WAY } from './replay-machines.js';
import type { ItemMove, PlanMove, ReplayItem, ReplayPlan } from './replay-plan.js';

export interface NewPlan extends ReplayPlan {
  start_stage: string | null;
  corrected_recipient: object | null;
  filter: object | null;
  request_hash: Buffer;
}

const PLAN = `id, state, action, reason, items_per_second, sources, created_by, executed_by, work_item_id, changes,
  correlation_id, traceparent`;
const ITEM = `id, plan_id, position, dead_letter_id, job_id, error_class, action, start_stage, corrected_recipient, checks, state, code,
  requested_generation, accepted_generation, job_generation, requested_at, changes`;

/**
 * Writes of plans and items. Whoever changes items holds their plan's lock; whoever needs dead letters too takes those
 * first: dead letters in the order of their subjects, then plans in the order of their ids (docs/isolation.md).
 */
@Injectable()
export class ReplayRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async requestHash(tx: Tx, id: string): Promise<Buffer | undefined> {
    const sql = 'SELECT request_hash FROM replay_plans WHERE id = $1';
    return (await tx.query<{ request_hash: Buffer }>(sql, [id]))[0]?.request_hash;
  }

  /** False where the id is taken: the request came twice at once. */
  async insertPlan(tx: Tx, plan: NewPlan): Promise<boolean> {
    const { filter, corrected_recipient, request_hash } = plan;
    const inserted = await tx.execute(
      `INSERT INTO replay_plans (id, state, action, start_stage, corrected_recipient, reason, items_per_second, filter,
         sources, created_by, request_hash, changes, correlation_id, traceparent)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO NOTHING`,
      [
        ...[
          plan.id,
          plan.state,
          plan.action,
          plan.start_stage,
          corrected_recipient && JSON.stringify(corrected_recipient),
        ],
        ...[plan.reason, plan.items_per_second, filter && JSON.stringify(filter), plan.sources, plan.created_by],
        ...[request_hash, plan.changes, plan.correlation_id, plan.traceparent],
      ],
    );
    return inserted === 1;
  }

  async insertItems(tx: Tx, items: readonly ReplayItem[]): Promise<void> {
    await tx.execute(
      `INSERT INTO replay_items (${ITEM})
       SELECT ${ITEM} FROM json_to_recordset($1) AS n (id uuid, plan_id uuid, position int, dead_letter_id uuid,
         job_id uuid, error_class text, action text, start_stage text, corrected_recipient json, checks json, state text, code text,
         requested_generation int, accepted_generation int, job_generation int, requested_at timestamptz, changes int)`,
      [JSON.stringify(items)],
    );
  }

  /** Undefined where the key's sources do not take in all of the plan's: it would act on dead letters of others. */
  async lockPlan(tx: Tx, id: string, sources: string[] | null): Promise<ReplayPlan | undefined> {
    const [plan] = await tx.query<ReplayPlan>(
      `SELECT ${PLAN} FROM replay_plans WHERE id = $1 AND ($2::text[] IS NULL OR sources <@ $2) FOR UPDATE`,
      [id, sources],
    );
    return plan;
  }

  async lockPlans(tx: Tx, ids: readonly string[]): Promise<Map<string, ReplayPlan>> {
    const sql = `SELECT ${PLAN} FROM replay_plans WHERE id = ANY ($1) ORDER BY id FOR UPDATE`;
    return new Map((await tx.query<ReplayPlan>(sql, [ids])).map((plan) => [plan.id, plan]));
  }

  itemsOf(tx: Tx, plan_id: string, state: 'pending' | 'queued'): Promise<ReplayItem[]> {
    const sql = `SELECT ${ITEM} FROM replay_items WHERE plan_id = $1 AND state = $2 ORDER BY position`;
    return tx.query<ReplayItem>(sql, [plan_id, state]);
  }

  items(tx: Tx, ids: readonly string[]): Promise<ReplayItem[]> {
    return tx.query<ReplayItem>(`SELECT ${ITEM} FROM replay_items WHERE id = ANY ($1) ORDER BY id`, [ids]);
  }

  /** The items by which these dead letters are being replayed. */
  underWay(tx: Tx, dead_letter_ids: readonly string[]): Promise<ReplayItem[]> {
    return tx.query<ReplayItem>(
      `SELECT ${ITEM} FROM replay_items WHERE dead_letter_id = ANY ($1) AND state = ANY ($2) ORDER BY id`,
      [dead_letter_ids, UNDER_WAY],
    );
  }

  /** Dead letters of these jobs that are being replayed. Takes no lock. */
  subjectsUnderWay(tx: Tx, job_ids: readonly string[]): Promise<Subject[]> {
    return tx.query<Subject>(
      `SELECT d.subject_id, d.subject_type, d.stage FROM replay_items i JOIN dead_letters d ON d.id = i.dead_letter_id
        WHERE i.job_id = ANY ($1) AND i.requested_generation IS NOT NULL AND i.state = ANY ($2)`,
      [job_ids, UNDER_WAY],
    );
  }

  /** Plans out of these that have no item left to ask for or to wait for. */
  async withoutLive(tx: Tx, plan_ids: readonly string[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(
      `SELECT id FROM unnest($1::uuid[]) AS p (id)
        WHERE NOT EXISTS (SELECT FROM replay_items i WHERE i.plan_id = p.id AND i.state IN ('queued', 'requested', 'accepted'))`,
      [plan_ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  async update(tx: Tx, plans: readonly ReplayPlan[], items: readonly ReplayItem[]): Promise<void> {
    if (plans.length > 0) {
      await tx.execute(
        `UPDATE replay_plans p
            SET state = n.state, executed_by = n.executed_by, work_item_id = n.work_item_id, changes = n.changes,
                sequence = DEFAULT, changed_at = clock_timestamp(),
                started_at = CASE WHEN n.state = 'executing' THEN coalesce(p.started_at, clock_timestamp()) ELSE p.started_at END,
                ended_at = CASE WHEN n.state IN ('completed', 'cancelled') THEN coalesce(p.ended_at, clock_timestamp()) END
           FROM json_to_recordset($1) AS n (id uuid, state text, executed_by text, work_item_id uuid, changes int)
          WHERE p.id = n.id`,
        [JSON.stringify(plans)],
      );
    }
    if (items.length === 0) return;
    await tx.execute(
      `UPDATE replay_items i
          SET state = n.state, code = n.code, requested_generation = n.requested_generation, job_id = n.job_id,
              error_class = n.error_class,
              accepted_generation = n.accepted_generation, changes = n.changes,
              job_generation = greatest(i.job_generation, n.job_generation),
              requested_at = n.requested_at,
              changed_at = CASE WHEN n.changes > i.changes THEN clock_timestamp() ELSE i.changed_at END,
              ended_at = CASE WHEN n.state IN ('pending', 'queued', 'requested', 'accepted') THEN NULL
                              ELSE coalesce(i.ended_at, clock_timestamp()) END
         FROM json_to_recordset($1) AS n (id uuid, state text, code text, requested_generation int,
              accepted_generation int, job_generation int, requested_at timestamptz, job_id uuid, error_class text, changes int)
        WHERE i.id = n.id`,
      [JSON.stringify(items)],
    );
  }

  async record(tx: Tx, plans: readonly PlanMove[], items: readonly ItemMove[]): Promise<void> {
    await this.#record(tx, 'replay_plan_transitions', 'plan_id', plans);
    await this.#record(tx, 'replay_item_transitions', 'item_id', items);
  }

  /** Nothing more is asked for so soon after a request, however the plan is paused and resumed. */
  async pace(tx: Tx, plan_id: string, requested_at: string, pace_ms: number): Promise<void> {
    await tx.execute(
      `UPDATE replay_plans SET next_request_at = $2::timestamptz + $3::float8 * interval '1 millisecond' WHERE id = $1`,
      [plan_id, requested_at, pace_ms],
    );
  }

  async msUntilNext(tx: Tx, plan_id: string): Promise<number> {
    const [row] = await tx.query<{ wait_ms: number }>(
      `SELECT greatest(0, extract(epoch FROM next_request_at - clock_timestamp()) * 1000)::float8 AS wait_ms
         FROM replay_plans WHERE id = $1`,
      [plan_id],
    );
    return row?.wait_ms ?? 0;
  }

  /** Ingest has ended a generation of these jobs: each may be replayed again, from there. */
  async settleJobs(jobs: readonly { job_id: string; generation: number }[]): Promise<void> {
    await this.database.execute(
      `UPDATE replay_items i
          SET job_settled = true, job_generation = greatest(i.job_generation, j.generation)
         FROM json_to_recordset($1) AS j (job_id uuid, generation int)
        WHERE i.job_id = j.job_id AND i.requested_generation < j.generation AND NOT i.job_settled`,
      [JSON.stringify(jobs)],
    );
  }

  async #record(
    tx: Tx,
    table: string,
    subject: 'plan_id' | 'item_id',
    moves: readonly (PlanMove | ItemMove)[],
  ): Promise<void> {
    if (moves.length === 0) return;
    const rows = moves.map((move) => ({ ...move, subject: undefined, id: move.subject.id }));
    await tx.execute(
      `INSERT INTO ${table} (${subject}, change, from_state, to_state, cause, actor, correlation_id)
       SELECT id, change, "from", "to", cause, actor, correlation_id FROM json_to_recordset($1) AS t (
         id uuid, change int, "from" text, "to" text, cause text, actor text, correlation_id text)`,
      [JSON.stringify(rows)],
    );
  }
}
