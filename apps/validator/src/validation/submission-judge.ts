import { Inject, Injectable } from '@nestjs/common';
import type { ReviewSubmitted } from '@assay/contracts';
import { createLog } from '@assay/observability';
import { judgeSubmission } from '@assay/review-engine';
import type { Policy } from '@assay/review-engine';
import { POLICY, VALIDATOR_CONFIG } from '../validator.config.js';
import type { ValidatorConfig } from '../validator.config.js';
import { rejectedData, validatedData } from './validation-events.js';
import { countVerdict } from './validation.metrics.js';
import type { NewValidation } from './validation.repository.js';

const log = createLog('validator.validation', ['review_rejected', 'reason_code']);

/** A submission as its event told it. */
export interface SubmissionBody {
  data: ReviewSubmitted;
  bytes: Buffer;
}

/** The engine under this service's policy and allow-list. Pure: no clock, no I/O (VAL-11). */
@Injectable()
export class SubmissionJudge {
  constructor(
    @Inject(POLICY) private readonly policy: Policy,
    @Inject(VALIDATOR_CONFIG) private readonly config: ValidatorConfig,
  ) {}

  /** @param failed_attempts each has told of itself under its own number: the verdict stands above them all */
  judge(
    body: SubmissionBody,
    {
      failed_attempts,
      occurred_at,
      traceparent,
    }: { failed_attempts: number; occurred_at: string; traceparent: string | null },
  ): NewValidation {
    const { data } = body;
    const { list } = this.config.allow_list;
    const rules = { policy: this.policy, allow_list: list, source: data.source, read_from_bytes: body.bytes.length };
    const judgement = judgeSubmission(data.submission, rules);
    const { verdict } = judgement;
    const at = { revision: failed_attempts + 1, occurred_at, judged_by: list.hash };
    return {
      ...{ data, verdict, revision: at.revision, validated_at: occurred_at, judged_by: list.hash, traceparent },
      event: validatedData(data, verdict, at),
      diagnostics: Buffer.from(JSON.stringify(verdict.diagnostics)),
      dead_letter: verdict.outcome === 'rejected' ? rejectedData(body, judgement, at) : null,
    };
  }
}

/** Says what was judged, in numbers and with one line per job and code (GEN-6). */
export function report({ data, verdict }: NewValidation): void {
  const { job_id, correlation_id } = data;
  const { outcome, rejection, counts } = verdict;
  countVerdict(verdict);
  if (outcome === 'rejected') log.warn('review_rejected', { job_id, correlation_id, ...rejection });
  for (const [code, count] of Object.entries(counts.by_code)) {
    log.info('reason_code', { job_id, correlation_id, code, count });
  }
}
