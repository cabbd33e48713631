import { Inject, Injectable } from '@nestjs/common';
import type { ReviewSubmitted } from '@assay/contracts';
import { Database, packBodies } from '@assay/postgres';
import type { Tx } from '@assay/postgres';
import type { Verdict } from '@assay/review-engine';
import { INSERT_VALIDATIONS } from './sql/insert-validations.js';
import { LOAD_VALIDATIONS, SIZE_VALIDATIONS } from './sql/load-validations.js';
import type { StoredValidation } from './validation-events.js';

/** A result with the bytes that stand for it. */
export interface NewValidation {
  data: ReviewSubmitted;
  verdict: Verdict;
  revision: number;
  validated_at: string;
  judged_by: string;
  traceparent: string | null;
  event: Buffer;
  diagnostics: Buffer;
  dead_letter: Buffer | null;
}

/** What `GET /v1/reviews/{id}/findings` answers from. */
export interface StoredFindings {
  source: string;
  generation: number;
  event: Buffer;
  diagnostics: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** The validator's own table of results. */
@Injectable()
export class ValidationRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  /** Stores results; returns `job:generation` of those that were not there yet. */
  async store(tx: Tx, validations: readonly NewValidation[]): Promise<Set<string>> {
    const bodies = validations.flatMap(({ event, diagnostics, dead_letter }) => [
      event,
      diagnostics,
      dead_letter ?? NOTHING,
    ]);
    const { packed, offsets, lengths } = packBodies(bodies);
    const rows = validations.map((validation, index) => ({
      ...columnsOf(validation),
      event_from: offsets[index * 3],
      event_for: lengths[index * 3],
      diagnostics_from: offsets[index * 3 + 1],
      diagnostics_for: lengths[index * 3 + 1],
      dead_from: offsets[index * 3 + 2],
      dead_for: lengths[index * 3 + 2],
    }));
    const stored = await tx.query<{ job_id: string; generation: number }>(INSERT_VALIDATIONS, [
      packed,
      JSON.stringify(rows),
    ]);
    return new Set(stored.map(({ job_id, generation }) => `${job_id}:${generation}`));
  }

  load(on: Tx, keys: readonly { subject_id: string; generation: number }[]): Promise<StoredValidation[]> {
    return on.query<StoredValidation>(LOAD_VALIDATIONS, [
      keys.map(({ subject_id }) => subject_id),
      keys.map(({ generation }) => generation),
    ]);
  }

  /** Bytes that {@link load} would read, by `job:generation`; lengths stand beside the references to the bodies. */
  async sizes(keys: readonly { subject_id: string; generation: number }[]): Promise<Map<string, number>> {
    const rows = await this.database.query<{ job_id: string; generation: number; bytes: number }>(SIZE_VALIDATIONS, [
      keys.map(({ subject_id }) => subject_id),
      keys.map(({ generation }) => generation),
    ]);
    return new Map(rows.map(({ job_id, generation, bytes }) => [`${job_id}:${generation}`, bytes]));
  }

  /** The newest result of a job, or that of one generation. */
  async findings(job_id: string, generation: number | null): Promise<StoredFindings | null> {
    const [row] = await this.database.query<StoredFindings>(
      `SELECT source, generation, event, diagnostics FROM validations
        WHERE job_id = $1 AND ($2::int IS NULL OR generation = $2) ORDER BY generation DESC LIMIT 1`,
      [job_id, generation],
    );
    return row ?? null;
  }
}

function columnsOf({ data, verdict, revision, validated_at, judged_by, traceparent }: NewValidation) {
  const { job_id, generation, source, changelist_id, review_version, correlation_id, allow_list_hash } = data;
  const { outcome, rejection, versions } = verdict;
  const { read_as, schema_verdict, prompt_verdict } = versions;
  return {
    ...{ job_id, generation, source, changelist_id, review_version, correlation_id, revision, outcome },
    ...{ rejection_class: rejection?.class ?? null, rejection_code: rejection?.code ?? null },
    ...{ read_as, schema_verdict, prompt_verdict, submitted_under: allow_list_hash, judged_by },
    ...{ traceparent, validated_at },
  };
}
