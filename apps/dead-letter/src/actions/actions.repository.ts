import { Inject, Injectable } from '@nestjs/common';
import type { ActionAnswered, OperatorAction, RepeatKind } from '@assay/contracts';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { ActionSubject } from './action-requests.js';

export type ActionState = 'requested' | 'done' | 'refused';

/** An operator's act, and what has come of it. */
export interface ActionView extends ActionSubject {
  action_id: string;
  action: OperatorAction;
  /** Where one said to what. */
  dead_letter_id: string | null;
  reason: string;
  /** `key:<id>`. */
  actor: string;
  state: ActionState;
  /** Why it was refused: `not_found`, `nothing_waits`. */
  code: string | null;
  /** How many deliveries it was done to; null before the answer. */
  deliveries: number | null;
  /** Of `send_again`: whether it is another message for the receiver, or the one that it may know. */
  as: RepeatKind | null;
  /** Of `send_again`: the delivery that was made for it. */
  delivery_id: string | null;
  requested_at: string;
  answered_at: string | null;
  correlation_id: string;
}

export interface NewAction extends ActionSubject {
  id: string;
  action: OperatorAction;
  dead_letter_id: string | null;
  sources: string[] | null;
  as: RepeatKind | null;
  reason: string;
  actor: string;
  request_hash: Buffer;
  correlation_id: string;
}

const VIEW = `id AS action_id, action, subject_type, subject_id, dead_letter_id, reason, actor, state, code, deliveries,
  sent_as AS "as", delivery_id, requested_at, answered_at, correlation_id`;
/** An act is visible to keys whose sources take in all that it could touch. */
const VISIBLE = `($1::text[] IS NULL OR sources <@ $1)`;

@Injectable()
export class ActionsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** When it was asked for; null where the id is taken: the request came before, or twice at once. */
  async insert(tx: Tx, action: NewAction): Promise<string | null> {
    const { id, subject_type, subject_id, dead_letter_id, sources, reason, actor, request_hash } = action;
    const [row] = await tx.query<{ requested_at: string }>(
      `INSERT INTO actions (id, action, subject_type, subject_id, dead_letter_id, sources, reason, actor, request_hash,
          correlation_id, sent_as)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING RETURNING requested_at`,
      [
        ...[id, action.action, subject_type, subject_id, dead_letter_id, sources, reason, actor, request_hash],
        ...[action.correlation_id, action.as],
      ],
    );
    return row?.requested_at ?? null;
  }

  async requestHash(tx: Tx, id: string): Promise<Buffer | undefined> {
    const sql = 'SELECT request_hash FROM actions WHERE id = $1';
    return (await tx.query<{ request_hash: Buffer }>(sql, [id]))[0]?.request_hash;
  }

  async get(id: string, sources: string[] | null): Promise<ActionView | undefined> {
    const sql = `SELECT ${VIEW} FROM actions WHERE ${VISIBLE} AND id = $2`;
    return (await this.database.query<ActionView>(sql, [sources, id]))[0];
  }

  /** The newest first. */
  list(sources: string[] | null, before: number | null, limit: number): Promise<(ActionView & { sequence: number })[]> {
    return this.database.query(
      `SELECT sequence, ${VIEW} FROM actions WHERE ${VISIBLE} AND ($2::bigint IS NULL OR sequence < $2)
        ORDER BY sequence DESC LIMIT $3`,
      [sources, before, limit],
    );
  }

  /** The first answer counts; the same one comes again. */
  async answer(answers: readonly ActionAnswered[]): Promise<void> {
    await this.database.execute(
      `UPDATE actions AS a SET state = n.outcome, code = n.code, deliveries = n.deliveries,
          delivery_id = n.delivery_id, answered_at = n.occurred_at
        FROM json_to_recordset($1) AS n (action_id uuid, outcome text, code text, deliveries int, delivery_id uuid,
          occurred_at timestamptz)
        WHERE a.id = n.action_id AND a.state = 'requested'`,
      [JSON.stringify(answers)],
    );
  }
}
