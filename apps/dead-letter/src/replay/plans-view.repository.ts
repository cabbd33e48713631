import { Inject, Injectable } from '@nestjs/common';
import type { Recipient } from '@assay/contracts';
import { Database } from '@assay/postgres';
import { maskedAddress, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { decodeCursor, DEFAULT_LIMIT, pageOf } from '../paging.js';
import type { Page } from '../paging.js';
import type { ItemListQuery, PlanListQuery } from './plan-requests.js';
import type { SafetyCheck } from './safety-checks.js';

/** A plan in a list. */
export interface PlanSummary {
  id: string;
  state: string;
  action: string;
  start_stage: string | null;
  corrected_recipient: Recipient | null;
  reason: string | null;
  items_per_second: number;
  /** Null where the dead letters were named. */
  filter: Record<string, string> | null;
  sources: string[];
  created_by: string;
  executed_by: string | null;
  created_at: string;
  /** Of the plan or of one of its items: what lists are ordered by (DLQ-5). */
  changed_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** How many items stand in which state; states without one are left out. */
  progress: Record<string, number>;
}

/** A step of a plan's or an item's history (GEN-1). */
export interface ReplayTransitionView {
  change: number;
  occurred_at: string;
  from_state: string | null;
  to_state: string;
  cause: string;
  actor: string;
  correlation_id: string;
}

export interface PlanView extends PlanSummary {
  correlation_id: string;
  transitions: ReplayTransitionView[];
}

export interface ItemView {
  id: string;
  dead_letter_id: string;
  job_id: string | null;
  source: string;
  subject_type: string;
  subject_id: string;
  stage: string;
  /** When it was frozen; once it was asked for, then. */
  error_class: string;
  action: string;
  start_stage: string;
  corrected_recipient: Recipient | null;
  state: string;
  /** Why it was excluded, skipped, refused or given up; how it was resolved. */
  code: string | null;
  checks: SafetyCheck[];
  requested_generation: number | null;
  accepted_generation: number | null;
  requested_at: string | null;
  /** By its state: how long it has been waited for. */
  changed_at: string;
  ended_at: string | null;
  transitions: ReplayTransitionView[];
}

const SUMMARY = `p.id, p.state, p.action, p.start_stage, p.corrected_recipient, p.reason, p.items_per_second, p.filter,
  p.sources, p.created_by, p.executed_by, p.created_at, p.changed_at, p.started_at, p.ended_at,
  (SELECT coalesce(json_object_agg(s.state, s.items), '{}') FROM (
     SELECT state, count(*) AS items FROM replay_items i WHERE i.plan_id = p.id GROUP BY state) AS s) AS progress`;
/** A plan is visible to keys whose sources take in all of the plan's. */
const VISIBLE = `($1::text[] IS NULL OR p.sources <@ $1)`;
const STEPS = `json_agg(json_build_object('change', t.change, 'occurred_at', t.occurred_at, 'from_state', t.from_state,
  'to_state', t.to_state, 'cause', t.cause, 'actor', t.actor, 'correlation_id', t.correlation_id) ORDER BY t.change)`;

/** A page, those that changed last first (DLQ-5); `before` is the sequence of the last row of the page before. */
export function listPlans(
  { state }: Pick<PlanListQuery, 'state'>,
  sources: string[] | null,
  { before, limit }: { before: number | null; limit: number },
) {
  const params: unknown[] = [sources, limit];
  const bind = (value: unknown) => `$${params.push(value)}`;
  const conditions = [
    VISIBLE,
    ...(state === undefined ? [] : [`p.state = ${bind(state)}`]),
    ...(before === null ? [] : [`p.sequence < ${bind(before)}`]),
  ];
  const text = `SELECT p.sequence, ${SUMMARY} FROM replay_plans p WHERE ${conditions.join(' AND ')}
    ORDER BY p.sequence DESC LIMIT $2`;
  return { text, params };
}

/** A page of the items of a plan, in its order. */
export const LIST_ITEMS = `SELECT i.position AS sequence, i.id, i.dead_letter_id, i.job_id, d.source, d.subject_type, d.subject_id, d.stage,
    i.error_class, i.action, i.start_stage, i.corrected_recipient, i.state, i.code, i.checks,
    i.requested_generation, i.accepted_generation, i.requested_at, i.changed_at, i.ended_at,
    (SELECT ${STEPS} FROM replay_item_transitions t WHERE t.item_id = i.id) AS transitions
  FROM replay_items i JOIN dead_letters d ON d.id = i.dead_letter_id
  WHERE i.plan_id = $1 AND ($2::text IS NULL OR i.state = $2) AND ($3::int IS NULL OR i.position > $3)
  ORDER BY i.position LIMIT $4`;

@Injectable()
export class PlansViewRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Those that changed last first. */
  async list(query: PlanListQuery, principal: Principal): Promise<Page<PlanSummary>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const { text, params } = listPlans(query, sourcesOf(principal), {
      before: decodeCursor(query.cursor),
      limit: limit + 1,
    });
    const rows = await this.database.query<PlanSummary & { sequence: number }>(text, params);
    const page = pageOf(rows, limit);
    return { ...page, items: page.items.map((plan) => shown(plan, principal)) };
  }

  async get(id: string, principal: Principal): Promise<PlanView | undefined> {
    const [plan] = await this.database.query<PlanView>(
      `SELECT ${SUMMARY}, p.correlation_id,
              (SELECT ${STEPS} FROM replay_plan_transitions t WHERE t.plan_id = p.id) AS transitions
         FROM replay_plans p WHERE ${VISIBLE} AND p.id = $2`,
      [sourcesOf(principal), id],
    );
    return plan && shown({ ...plan, transitions: plan.transitions.map(withInstant) }, principal);
  }

  /** In the order of the plan. */
  async items(plan_id: string, query: ItemListQuery, principal: Principal): Promise<Page<ItemView>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const rows = await this.database.query<ItemView & { sequence: number }>(LIST_ITEMS, [
      ...[plan_id, query.state ?? null, decodeCursor(query.cursor), limit + 1],
    ]);
    const page = pageOf(rows, limit);
    const items = page.items.map((item) => ({ ...item, transitions: item.transitions.map(withInstant) }));
    return { ...page, items: items.map((item) => shown(item, principal)) };
  }
}

/** Inside JSON Postgres writes instants in its own way. */
function withInstant(step: ReplayTransitionView): ReplayTransitionView {
  return { ...step, occurred_at: new Date(step.occurred_at).toISOString() };
}

/** Operators see where they send to; who only reads sees that it was corrected (SEC-4). */
function shown<T extends { corrected_recipient: Recipient | null }>(view: T, { role }: Principal): T {
  const { corrected_recipient: to } = view;
  if (!to || role === 'operator') return view;
  return { ...view, corrected_recipient: { ...to, address: maskedAddress(to.address) } };
}
