import { Injectable } from '@nestjs/common';
import type { Tx } from '@assay/postgres';
import { FIND_VALIDATED } from './sql/find-validated.js';
import { INSERT_INTAKES } from './sql/insert-intakes.js';

/** What a stage's results are keyed by (GEN-2). */
export interface JobGeneration {
  job_id: string;
  generation: number;
}

export function keyOf({ job_id, generation }: JobGeneration): string {
  return `${job_id}:${generation}`;
}

@Injectable()
export class IntakeRepository {
  /** Notes submissions; returns when, by the keys of those that are new. */
  async note(tx: Tx, submissions: readonly (JobGeneration & { source: string })[]): Promise<Map<string, string>> {
    const rows = await tx.query<JobGeneration & { noted_at: string }>(INSERT_INTAKES, [
      submissions.map(({ job_id }) => job_id),
      submissions.map(({ generation }) => generation),
      submissions.map(({ source }) => source),
    ]);
    return new Map(rows.map((row) => [keyOf(row), row.noted_at]));
  }

  /** Keys of those that have a stored result. */
  async validated(tx: Tx, known: readonly JobGeneration[]): Promise<Set<string>> {
    if (known.length === 0) return new Set();
    const ids = [known.map(({ job_id }) => job_id), known.map(({ generation }) => generation)];
    return new Set((await tx.query<JobGeneration>(FIND_VALIDATED, ids)).map(keyOf));
  }
}
