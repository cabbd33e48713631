import { Body, Controller, Get, HttpCode, HttpStatus, Inject, Param, Post, Query } from '@nestjs/common';
import { CurrentPrincipal, Roles, sourcesOf } from '@assay/security';
import type { Principal } from '@assay/security';
import type { Page } from '../paging.js';
import { ListQuery } from './letter-queries.js';
import { LettersViewRepository } from './letters-view.repository.js';
import type { LetterSummary, LetterView } from './letters-view.repository.js';
import { ReasonRequest, TriageRequest } from './triage-requests.js';
import { TriageService } from './triage.service.js';

/** `/v1/dead-letters` (DLQ-6): every answer is scoped to the sources of the key. */
@Controller('v1/dead-letters')
@Roles('operator', 'approver', 'auditor')
export class DeadLettersController {
  constructor(
    @Inject(LettersViewRepository) private readonly views: LettersViewRepository,
    @Inject(TriageService) private readonly triageService: TriageService,
  ) {}

  /** Lists dead letters, those that changed last first. */
  @Get()
  list(@Query() query: ListQuery, @CurrentPrincipal() principal: Principal): Promise<Page<LetterSummary>> {
    return this.views.list(query, sourcesOf(principal));
  }

  /** A dead letter with its history. */
  @Get(':id')
  get(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<LetterView> {
    return this.triageService.get(id, principal);
  }

  /** Takes a dead letter on. */
  @Post(':id/triage')
  @Roles('operator')
  @HttpCode(HttpStatus.OK)
  triage(
    @Param('id') id: string,
    @Body() request: TriageRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<LetterView> {
    return this.triageService.triage(id, request, principal);
  }

  /** Gives a dead letter up for good. */
  @Post(':id/discard')
  @Roles('operator')
  @HttpCode(HttpStatus.OK)
  discard(
    @Param('id') id: string,
    @Body() request: ReasonRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<LetterView> {
    return this.triageService.discard(id, request, principal);
  }
}
