import { Inject, Injectable } from '@nestjs/common';
import { judgeSubmission, readSubmission, verdictDocument } from '@assay/review-engine';
import type { Policy, VerdictDocument } from '@assay/review-engine';
import type { Principal } from '@assay/security';
import { invalid } from '@assay/service';
import type { JsonBody } from '@assay/service';
import { POLICY, VALIDATOR_CONFIG } from '../validator.config.js';
import type { ValidatorConfig } from '../validator.config.js';

@Injectable()
export class DryRunService {
  constructor(
    @Inject(POLICY) private readonly policy: Policy,
    @Inject(VALIDATOR_CONFIG) private readonly config: ValidatorConfig,
  ) {}

  /** The verdict on a submission under this installation's policy and allow-list; a rejected one is an answer, too. */
  judge(principal: Principal, { value, bytes }: JsonBody): VerdictDocument {
    const read = readSubmission(value);
    if ('faults' in read) throw invalid(read.faults);
    const source = principal.role === 'submitter' ? principal.source : null;
    const { list: allow_list } = this.config.allow_list;
    const rules = { policy: this.policy, allow_list, source, read_from_bytes: bytes.length };
    return verdictDocument(judgeSubmission(read.submission, rules).verdict);
  }
}
