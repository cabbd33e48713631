import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { decodeCursor, DEFAULT_LIMIT, pageOf } from '../paging.js';
import type { Page } from '../paging.js';
import { letterConditions, words } from './letter-queries.js';
import type { IncidentQuery, LetterFilter, ListQuery } from './letter-queries.js';

/** A dead letter in a list. */
export interface LetterSummary {
  id: string;
  state: string;
  stage: string;
  error_class: string;
  code: string;
  subject_type: string;
  subject_id: string;
  job_id: string | null;
  source: string;
  changelist_id: string | null;
  review_version: number | null;
  generation: number;
  occurrences: number;
  fingerprint: string;
  assignee: string | null;
  first_failure_at: string;
  last_failure_at: string;
  opened_at: string;
  /** Of its facts, its state or its evidence: what lists are ordered by (DLQ-5). */
  changed_at: string;
  closed_at: string | null;
}

/** A step of its history (GEN-1). */
export interface TransitionView {
  change: number;
  occurred_at: string;
  from_state: string | null;
  to_state: string;
  cause: string;
  actor: string;
  note: string | null;
  generation: number;
  error_class: string;
  correlation_id: string;
}

export interface LetterView extends LetterSummary {
  correlation_id: string;
  traceparent: string | null;
  last_stack: string;
  sanitized_context: Record<string, unknown>;
  transitions: TransitionView[];
}

/** Dead letters of one cause (DLQ-6). */
export interface IncidentView {
  fingerprint: string;
  stage: string;
  error_class: string;
  code: string;
  /** Dead letters that are not closed. */
  open: number;
  by_state: Record<string, number>;
  sources: string[];
  first_failure_at: string;
  last_failure_at: string;
  /** The one that changed last. */
  example_id: string;
}

const SUMMARY = `id, state, stage, error_class, code, subject_type, subject_id, job_id, source, changelist_id,
  review_version, generation, occurrences, fingerprint, assignee, first_failure_at, last_failure_at, opened_at, changed_at, closed_at`;

/** A page, those that changed last first (DLQ-5); `before` is the sequence of the last row of the page before. */
export function listLetters(
  filter: LetterFilter,
  sources: string[] | null,
  page: { before: number | null; limit: number },
) {
  const params: unknown[] = [];
  const bind = (value: unknown) => `$${params.push(value)}`;
  const conditions = letterConditions(filter, sources, { bind, pointer: (member) => `?${member}` });
  const before = page.before === null ? '' : `AND sequence < ${bind(page.before)}`;
  const text = `SELECT sequence, ${SUMMARY} FROM dead_letters WHERE ${conditions} ${before}
    ORDER BY sequence DESC LIMIT ${bind(page.limit)}`;
  return { text, params };
}

/** Reads for operators. `sources` null: every source (a key with `*`). */
@Injectable()
export class LettersViewRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Those that changed last first. */
  async list(query: ListQuery, sources: string[] | null): Promise<Page<LetterSummary>> {
    const limit = query.limit ?? DEFAULT_LIMIT;
    const { text, params } = listLetters(query, sources, { before: decodeCursor(query.cursor), limit: limit + 1 });
    const rows = await this.database.query<LetterSummary & { sequence: number }>(text, params);
    return pageOf(rows, limit);
  }

  get(id: string, sources: string[] | null): Promise<LetterView | undefined> {
    return this.database.snapshot((tx) => this.#letter(tx, id, sources));
  }

  async #letter(tx: Tx, id: string, sources: string[] | null): Promise<LetterView | undefined> {
    const [letter] = await tx.query<Omit<LetterView, 'transitions'>>(
      `SELECT ${SUMMARY}, correlation_id, traceparent, last_stack, sanitized_context FROM dead_letters
        WHERE id = $1 AND ($2::text[] IS NULL OR source = ANY ($2))`,
      [id, sources],
    );
    if (!letter) return undefined;
    const transitions = await tx.query<TransitionView>(
      `SELECT change, occurred_at, from_state, to_state, cause, actor, note, generation, error_class, correlation_id
         FROM transitions WHERE dead_letter_id = $1 ORDER BY change`,
      [id],
    );
    return { ...letter, transitions };
  }

  /** The largest first. */
  async incidents(query: IncidentQuery, sources: string[] | null): Promise<IncidentView[]> {
    return this.database.query<IncidentView>(
      `WITH open AS (
         SELECT * FROM dead_letters
          WHERE closed_at IS NULL
            AND ($1::text[] IS NULL OR source = ANY ($1))
            AND ($2::text[] IS NULL OR stage = ANY ($2))
            AND ($3::text[] IS NULL OR error_class = ANY ($3))
            AND ($4::text[] IS NULL OR source = ANY ($4)))
       SELECT fingerprint, min(stage) AS stage, min(error_class) AS error_class, min(code) AS code, count(*) AS open,
              (SELECT json_object_agg(s.state, s.letters) FROM (
                 SELECT state, count(*) AS letters FROM open o WHERE o.fingerprint = open.fingerprint GROUP BY state
               ) AS s) AS by_state,
              array_agg(DISTINCT source ORDER BY source) AS sources,
              min(first_failure_at) AS first_failure_at, max(last_failure_at) AS last_failure_at,
              (array_agg(id ORDER BY sequence DESC))[1] AS example_id
         FROM open GROUP BY fingerprint ORDER BY count(*) DESC, fingerprint LIMIT $5`,
      [sources, words(query.stage), words(query.class), words(query.source), query.limit ?? DEFAULT_LIMIT],
    );
  }
}
