import { Inject, Injectable } from '@nestjs/common';
import { TOPICS } from '@assay/contracts';
import { Database } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import { LETTER_COLUMNS, subjectKey } from '../letters/index.js';
import type { DeadLetter, Subject } from '../letters/index.js';
import type { Settlement } from './judge.js';
import type { SettlementNews } from './news.js';
import { OPEN_AMONG } from './sql/open-among.js';

/** Twice what the topic of dead letters keeps. */
const MEMORY_MS = 2 * TOPICS.find(({ type }) => type === 'stage.dead_lettered')!.retention_ms;
const FORGET_AT_ONCE = 200;

const SUBJECTS = `json_to_recordset($1) AS s (subject_id text, subject_type text, stage text)`;

@Injectable()
export class IntakeRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /**
   * One after the other per subject, across replicas: a failure and what settles it may arrive at the same time, and
   * neither transaction would see the other's row. Ordered, so that two batches never wait for each other.
   */
  async lockSubjects(tx: Tx, subjects: readonly Subject[]): Promise<void> {
    const keys = subjects.map((subject) => `assay.dead_letter ${subjectKey(subject)}`);
    await tx.query(
      `SELECT pg_advisory_xact_lock(key) FROM (
         SELECT DISTINCT hashtextextended(name, 0) AS key FROM unnest($1::text[]) AS name ORDER BY 1) AS ordered`,
      [keys],
    );
  }

  /** Inserts those whose subject has none; returns the ids that are new. */
  async insertNew(tx: Tx, letters: readonly DeadLetter[]): Promise<Set<string>> {
    const rows = await tx.query<{ id: string }>(
      `INSERT INTO dead_letters (
         id, subject_type, subject_id, stage, job_id, source, changelist_id, review_version, generation, revision,
         occurred_at, error_class, code, last_stack, sanitized_context, fingerprint, first_failure_at, last_failure_at,
         occurrences, state, changes, correlation_id, traceparent)
       SELECT
         id, subject_type, subject_id, stage, job_id, source, changelist_id, review_version, generation, revision,
         occurred_at, error_class, code, last_stack, sanitized_context, fingerprint, first_failure_at, last_failure_at,
         occurrences, state, changes, correlation_id, traceparent
       FROM json_to_recordset($1) AS n (
         id uuid, subject_type text, subject_id text, stage text, job_id uuid, source text, changelist_id text,
         review_version int, generation int, revision int, occurred_at timestamptz, error_class text, code text, last_stack text,
         sanitized_context json, fingerprint text, first_failure_at timestamptz, last_failure_at timestamptz,
         occurrences int, state text, changes int, correlation_id text, traceparent text)
       ON CONFLICT ON CONSTRAINT dead_letters_subject DO NOTHING
       RETURNING id`,
      [JSON.stringify(letters)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Dead letters of these subjects, locked in the order of their subjects; by subject key. */
  async lockLetters(tx: Tx, subjects: readonly Subject[]): Promise<Map<string, DeadLetter>> {
    const rows = await tx.query<DeadLetter>(
      `SELECT ${LETTER_COLUMNS} FROM dead_letters
        WHERE (subject_id, subject_type, stage) IN (SELECT subject_id, subject_type, stage FROM ${SUBJECTS})
        ORDER BY subject_id, subject_type, stage FOR UPDATE`,
      [subjectsJson(subjects)],
    );
    return new Map(rows.map((letter) => [subjectKey(letter), letter]));
  }

  /** Which of these subjects have a dead letter that is not closed; by subject key. Takes no lock. */
  async openAmong(subjects: readonly Subject[]): Promise<Set<string>> {
    const ids = subjects.map(({ subject_id }) => subject_id);
    const rows = await this.database.query<Subject>(OPEN_AMONG, [ids]);
    return new Set(rows.map(subjectKey));
  }

  async settlementsOf(tx: Tx, subjects: readonly Subject[]): Promise<Map<string, Settlement>> {
    const rows = await tx.query<Subject & Settlement>(
      `SELECT subject_id, subject_type, stage, job_id, generation, revision, occurred_at, cause
         FROM settlements JOIN ${SUBJECTS} USING (subject_id, subject_type, stage)`,
      [subjectsJson(subjects)],
    );
    return new Map(rows.map((row) => [subjectKey(row), row]));
  }

  /** Keeps the newest settlement of each subject. */
  async remember(tx: Tx, news: readonly SettlementNews[]): Promise<void> {
    if (news.length === 0) return;
    await tx.execute(
      `INSERT INTO settlements AS kept
         (subject_id, subject_type, stage, job_id, generation, revision, occurred_at, cause)
       SELECT subject_id, subject_type, stage, job_id, generation, revision, occurred_at, cause
         FROM json_to_recordset($1) AS n (
              subject_id text, subject_type text, stage text, job_id uuid, generation int, revision int,
              occurred_at timestamptz, cause text)
       ON CONFLICT (subject_id, subject_type, stage) DO UPDATE
         SET job_id = excluded.job_id, generation = excluded.generation, revision = excluded.revision,
             occurred_at = excluded.occurred_at, cause = excluded.cause, recorded_at = clock_timestamp()
       WHERE CASE WHEN excluded.job_id IS NOT DISTINCT FROM kept.job_id
                  THEN (excluded.generation, excluded.revision) > (kept.generation, kept.revision)
                  ELSE excluded.occurred_at > kept.occurred_at END`,
      [JSON.stringify(news)],
    );
  }

  /** Settlements that no dead letter can follow any more: what is older than the topic keeps cannot arrive. */
  forget(tx: Tx): Promise<number> {
    return tx.execute(
      `DELETE FROM settlements WHERE (subject_id, subject_type, stage) IN (
         SELECT subject_id, subject_type, stage FROM settlements
          WHERE recorded_at < clock_timestamp() - $1 * interval '1 millisecond'
          ORDER BY recorded_at LIMIT ${FORGET_AT_ONCE} FOR UPDATE SKIP LOCKED)`,
      [MEMORY_MS],
    );
  }
}

function subjectsJson(subjects: readonly Subject[]): string {
  return JSON.stringify(subjects.map(({ subject_id, subject_type, stage }) => ({ subject_id, subject_type, stage })));
}
