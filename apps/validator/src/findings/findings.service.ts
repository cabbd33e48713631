import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import type { Finding, FindingCounts, ReviewValidated, VersionDecision } from '@assay/contracts';
import type { Diagnostic } from '@assay/review-engine';
import { maySee } from '@assay/security';
import type { Principal } from '@assay/security';
import { ValidationRepository } from '../validation/index.js';

export interface FindingsView {
  job_id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  generation: number;
  validated_at: string;
  outcome: ReviewValidated['outcome'];
  versions: VersionDecision;
  rejection: ReviewValidated['rejection'];
  /** How it was read (VAL-15). */
  reading: ReviewValidated['reading'];
  /** Why it was rejected, or where an answer was cut off of which a part was kept (VAL-17). */
  explanation: ReviewValidated['explanation'];
  truncated: ReviewValidated['truncated'];
  /** Findings that are claims about their whole file (VAL-18). */
  lines_defaulted: ReviewValidated['lines_defaulted'];
  counts: FindingCounts;
  /** The review result as kept; null when it was rejected. */
  result: ReviewValidated['result'];
  findings: Finding[];
  /** The first ones; the counts are true (VAL-10). */
  diagnostics: Diagnostic[];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** `integer` in Postgres; no job has run so often. */
const MAX_GENERATION = 2 ** 31 - 1;

@Injectable()
export class FindingsService {
  constructor(@Inject(ValidationRepository) private readonly repository: ValidationRepository) {}

  /** Another source's job is not there (SEC-6); neither is one that is not validated yet. */
  async get(principal: Principal, job_id: string, generation: number | null): Promise<FindingsView> {
    if (!UUID.test(job_id) || (generation ?? 0) > MAX_GENERATION) throw new Problem('not_found');
    const stored = await this.repository.findings(job_id, generation);
    if (stored === null || !maySee(principal, stored.source)) throw new Problem('not_found');
    const validated = JSON.parse(stored.event.toString('utf8')) as ReviewValidated;
    const { source, changelist_id, review_version, occurred_at, outcome, versions, rejection, counts, result } =
      validated;
    const { reading, explanation, truncated, lines_defaulted } = validated;
    return {
      ...{ job_id: validated.job_id, source, changelist_id, review_version, generation: validated.generation },
      ...{ validated_at: occurred_at, outcome, versions, rejection, counts, result },
      ...{ reading, explanation, truncated, lines_defaulted },
      findings: result?.findings ?? [],
      diagnostics: JSON.parse(stored.diagnostics.toString('utf8')) as Diagnostic[],
    };
  }
}
