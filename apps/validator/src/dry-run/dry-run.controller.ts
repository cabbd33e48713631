import { Body, Controller, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { BodySchema, JsonBody } from '@assay/service';
import { DRY_RUN_SCHEMA } from '@assay/submission';
import { DryRunService } from './dry-run.service.js';

/** What the pipeline would make of a submission, without storing anything (VAL-13). */
@Controller('v1/validations')
export class DryRunController {
  constructor(@Inject(DryRunService) private readonly service: DryRunService) {}

  /** What the pipeline would make of a submission; stores nothing. A rejected one is an answer, too. */
  @Post()
  @HttpCode(200)
  @BodySchema(null, DRY_RUN_SCHEMA)
  @Roles('submitter', 'operator', 'approver', 'auditor')
  validate(
    @CurrentPrincipal() principal: Principal,
    @Body() body: JsonBody,
    @Headers('idempotency-key') header_key: string | undefined,
  ) {
    return this.service.judge(principal, body, header_key);
  }
}
