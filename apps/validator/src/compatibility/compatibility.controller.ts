import { Controller, Get, Header, Inject, Param, Query } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { publishedSchema, reasonCodesDocument } from '@assay/review-engine';
import { CurrentPrincipal, Public, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { IsOptional, MaxLength } from 'class-validator';
import { CompatibilityService } from './compatibility.service.js';

class PreflightQuery {
  @IsOptional()
  @MaxLength(64)
  schema_version?: string;

  @IsOptional()
  @MaxLength(64)
  prompt_version?: string;
}

/** What a reviewer's author needs to know before anything is submitted: contracts, reason codes, versions. */
@Controller('v1')
export class CompatibilityController {
  constructor(@Inject(CompatibilityService) private readonly service: CompatibilityService) {}

  /** The contract of review results in a registered version, as JSON Schema 2020-12. */
  @Get('schemas/review-result/:version')
  @Public()
  @Header('content-type', 'application/schema+json; charset=utf-8')
  schema(@Param('version') version: string): object {
    const schema = publishedSchema(version);
    if (schema === null) throw new Problem('not_found');
    return schema;
  }

  /** The catalogue of reason codes. */
  @Get('reason-codes')
  @Public()
  reasonCodes() {
    return reasonCodesDocument();
  }

  /** Contract versions and policy; with versions given, the verdict that they would get. */
  @Get('compatibility')
  @Roles('submitter', 'operator', 'approver', 'auditor')
  compatibility(@CurrentPrincipal() principal: Principal, @Query() query: PreflightQuery) {
    return this.service.of(principal, query);
  }
}
