import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { JUDGED_SUBMISSION_SCHEMA } from '@assay/review-engine';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { BodySchema, JsonBody } from '@assay/service';
import { DryRunService } from './dry-run.service.js';

/** What the pipeline would make of a submission, without storing anything (VAL-13). */
@Controller('v1/validations')
export class DryRunController {
  constructor(@Inject(DryRunService) private readonly dryRun: DryRunService) {}

  /** What the pipeline would make of a submission; stores nothing. A rejected one is an answer, too. */
  @Post()
  @HttpCode(200)
  @BodySchema(null, JUDGED_SUBMISSION_SCHEMA)
  @Roles('submitter', 'operator', 'approver', 'auditor')
  validate(@CurrentPrincipal() principal: Principal, @Body() body: JsonBody) {
    return this.dryRun.judge(principal, body);
  }
}
