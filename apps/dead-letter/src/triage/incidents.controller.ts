import { Controller, Get, Inject, Query } from '@nestjs/common';
import { CurrentPrincipal, Roles, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import { IncidentQuery } from './letter-queries.js';
import { LettersViewRepository } from './letters-view.repository.js';
import type { IncidentView } from './letters-view.repository.js';

/** `/v1/incidents` (DLQ-6): open dead letters by their common cause, within the sources of the key. */
@Controller('v1/incidents')
@Roles('operator', 'approver', 'auditor')
export class IncidentsController {
  constructor(@Inject(LettersViewRepository) private readonly views: LettersViewRepository) {}

  /** Dead letters that are not closed, grouped by their cause; the largest group first. */
  @Get()
  async list(
    @Query() query: IncidentQuery,
    @CurrentPrincipal() principal: Principal,
  ): Promise<{ items: IncidentView[] }> {
    return { items: await this.views.incidents(query, sourcesOf(principal)) };
  }
}
