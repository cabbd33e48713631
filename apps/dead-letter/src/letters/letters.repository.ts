import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { DeadLetter, Transition } from './dead-letter.js';

export const LETTER_COLUMNS = `id, subject_type, subject_id, stage, job_id, source, changelist_id, review_version,
  generation, revision, occurred_at, error_class, code, last_stack, sanitized_context, fingerprint, first_failure_at,
  last_failure_at, occurrences, state, changes, assignee, correlation_id, traceparent`;

/** Writes of dead letters, by whoever moves them. Rows are locked in the order of their subjects, never otherwise. */
@Injectable()
export class LettersRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async isVisible(id: string, sources: string[] | null): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT FROM dead_letters WHERE id = $1 AND ($2::text[] IS NULL OR source = ANY ($2))`,
      [id, sources],
    );
    return rows.length > 0;
  }

  async lockOne(tx: Tx, id: string, sources: string[] | null): Promise<DeadLetter | undefined> {
    const [letter] = await tx.query<DeadLetter>(
      `SELECT ${LETTER_COLUMNS} FROM dead_letters
        WHERE id = $1 AND ($2::text[] IS NULL OR source = ANY ($2)) FOR UPDATE`,
      [id, sources],
    );
    return letter;
  }

  /** Why it is in the state that it has. */
  async lastCause(tx: Tx, { id, changes }: DeadLetter): Promise<string | undefined> {
    const sql = 'SELECT cause FROM transitions WHERE dead_letter_id = $1 AND change = $2';
    return (await tx.query<{ cause: string }>(sql, [id, changes]))[0]?.cause;
  }

  /** By id; locked in the order of their subjects. */
  async lockMany(tx: Tx, ids: readonly string[]): Promise<Map<string, DeadLetter>> {
    if (ids.length === 0) return new Map();
    const letters = await tx.query<DeadLetter>(
      `SELECT ${LETTER_COLUMNS} FROM dead_letters WHERE id = ANY ($1)
        ORDER BY subject_id, subject_type, stage FOR UPDATE`,
      [ids],
    );
    return new Map(letters.map((letter) => [letter.id, letter]));
  }

  /** Facts and states as they stand in memory, of letters that the transaction has locked; they head the lists (DLQ-5). */
  async update(tx: Tx, letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    await tx.execute(
      `UPDATE dead_letters d
          SET job_id = n.job_id, generation = n.generation, revision = n.revision, occurred_at = n.occurred_at,
              error_class = n.error_class, code = n.code,
              last_stack = n.last_stack, sanitized_context = n.sanitized_context, fingerprint = n.fingerprint,
              first_failure_at = n.first_failure_at, last_failure_at = n.last_failure_at, occurrences = n.occurrences,
              correlation_id = n.correlation_id, traceparent = n.traceparent, assignee = n.assignee,
              state = n.state, changes = n.changes, sequence = DEFAULT, changed_at = clock_timestamp(),
              closed_at = CASE WHEN n.state IN ('resolved', 'discarded') THEN coalesce(d.closed_at, clock_timestamp()) END
         FROM json_to_recordset($1) AS n (
              id uuid, job_id uuid, generation int, revision int, occurred_at timestamptz, error_class text, code text, last_stack text,
              sanitized_context json, fingerprint text, first_failure_at timestamptz, last_failure_at timestamptz,
              occurrences int, correlation_id text, traceparent text, assignee text, state text, changes int)
        WHERE d.id = n.id`,
      [JSON.stringify(letters)],
    );
  }

  /** Stores the history; returns each transition's time by the database's clock, in order. */
  async record(tx: Tx, transitions: readonly Transition[]): Promise<string[]> {
    const rows = transitions.map(({ letter, ...transition }) => ({
      ...transition,
      dead_letter_id: letter.id,
      generation: letter.generation,
      error_class: letter.error_class,
    }));
    const stored = await tx.query<{ dead_letter_id: string; change: number; occurred_at: string }>(
      `INSERT INTO transitions
         (dead_letter_id, change, from_state, to_state, cause, actor, note, generation, error_class, correlation_id)
       SELECT dead_letter_id, change, from_state, to_state, cause, actor, note, generation, error_class, correlation_id
         FROM json_to_recordset($1) AS t (
              dead_letter_id uuid, change int, from_state text, to_state text, cause text, actor text, note text,
              generation int, error_class text, correlation_id text)
       RETURNING dead_letter_id, change, occurred_at`,
      [JSON.stringify(rows)],
    );
    const times = new Map(stored.map((row) => [`${row.dead_letter_id}:${row.change}`, row.occurred_at]));
    return transitions.map(({ letter, change }) => times.get(`${letter.id}:${change}`)!);
  }
}
