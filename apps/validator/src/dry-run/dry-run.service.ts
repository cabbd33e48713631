import { Inject, Injectable } from '@nestjs/common';
import type { Policy } from '@assay/review-engine';
import type { Principal } from '@assay/security';
import type { JsonBody } from '@assay/service';
import { dryRun } from '@assay/submission';
import type { DryRunDocument } from '@assay/submission';
import { POLICY, VALIDATOR_CONFIG } from '../validator.config.js';
import type { ValidatorConfig } from '../validator.config.js';

@Injectable()
export class DryRunService {
  constructor(
    @Inject(POLICY) private readonly policy: Policy,
    @Inject(VALIDATOR_CONFIG) private readonly config: ValidatorConfig,
  ) {}

  /** What would become of a submission under this installation's policy and allow-list; refusals are thrown. */
  judge(principal: Principal, { value, bytes }: JsonBody, header_key: string | undefined): DryRunDocument {
    const source = principal.role === 'submitter' ? principal.source : null;
    const { list: allow_list } = this.config.allow_list;
    return dryRun({ value, bytes: bytes.length, header_key }, { policy: this.policy, allow_list, source });
  }
}
