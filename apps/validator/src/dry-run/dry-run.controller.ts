import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { JsonBody } from '@assay/service';
import { DryRunService } from './dry-run.service.js';

/** What the pipeline would make of a submission, without storing anything (VAL-13). */
@Controller('v1/validations')
export class DryRunController {
  constructor(@Inject(DryRunService) private readonly dryRun: DryRunService) {}

  @Post()
  @HttpCode(200)
  @Roles('submitter', 'operator', 'approver', 'auditor')
  validate(@CurrentPrincipal() principal: Principal, @Body() body: JsonBody) {
    return this.dryRun.judge(principal, body.value);
  }
}
