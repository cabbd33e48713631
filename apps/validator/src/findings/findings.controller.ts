import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { IsOptional, Matches } from 'class-validator';
import { FindingsService } from './findings.service.js';

class FindingsQuery {
  /** Which run of the job; the newest unless given. */
  @IsOptional()
  @Matches(/^\d{1,9}$/, { message: 'generation must be a whole number' })
  generation?: string;
}

/** What was kept of a review result, and why the rest was not (ING-8). */
@Controller('v1/reviews')
export class FindingsController {
  constructor(@Inject(FindingsService) private readonly findings: FindingsService) {}

  /** The kept findings of a job, and a diagnostic for whatever was changed or dropped. */
  @Get(':id/findings')
  @Roles('submitter', 'operator', 'approver', 'auditor')
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string, @Query() { generation }: FindingsQuery) {
    return this.findings.get(principal, id, generation === undefined ? null : Number(generation));
  }
}
