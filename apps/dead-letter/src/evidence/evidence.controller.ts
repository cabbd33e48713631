import { Body, Controller, Get, Headers, HttpCode, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import type { FastifyReply } from 'fastify';
import { PageQuery } from '../paging.js';
import type { Page } from '../paging.js';
import { EvidenceRequest } from './evidence-requests.js';
import type { EvidenceView } from './evidence-view.js';
import { EvidenceService } from './evidence.service.js';
import type { Attached } from './evidence.service.js';

/** Evidence of one dead letter (DLQ-6, DLQ-7). */
@Controller('v1/dead-letters/:id/evidence')
@Roles('operator', 'approver', 'auditor')
export class LetterEvidenceController {
  constructor(@Inject(EvidenceService) private readonly evidence: EvidenceService) {}

  /** Attaches typed evidence to a dead letter. 200: it stands there already. */
  @Post()
  @Roles('operator')
  @HttpCode(HttpStatus.CREATED)
  async attach(
    @Param('id') id: string,
    @Body() request: EvidenceRequest,
    @CurrentPrincipal() principal: Principal,
    @Headers('idempotency-key') header_key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EvidenceView> {
    return answer(await this.evidence.attachToLetter(id, request, principal, header_key), reply);
  }

  /** The evidence of a dead letter, newest first. */
  @Get()
  list(
    @Param('id') id: string,
    @Query() query: PageQuery,
    @CurrentPrincipal() principal: Principal,
  ): Promise<Page<EvidenceView>> {
    return this.evidence.ofLetter(id, query, principal);
  }
}

/** Evidence of an incident: it covers the dead letters that the incident has when a plan is frozen (DLQ-7). */
@Controller('v1/incidents/:fingerprint/evidence')
@Roles('operator', 'approver', 'auditor')
export class IncidentEvidenceController {
  constructor(@Inject(EvidenceService) private readonly evidence: EvidenceService) {}

  /** Attaches typed evidence to all that stands open under one cause. 200: it stands there already. */
  @Post()
  @Roles('operator')
  @HttpCode(HttpStatus.CREATED)
  async attach(
    @Param('fingerprint') fingerprint: string,
    @Body() request: EvidenceRequest,
    @CurrentPrincipal() principal: Principal,
    @Headers('idempotency-key') header_key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EvidenceView> {
    return answer(await this.evidence.attachToIncident(fingerprint, request, principal, header_key), reply);
  }

  /** The evidence of an incident, newest first. */
  @Get()
  list(
    @Param('fingerprint') fingerprint: string,
    @Query() query: PageQuery,
    @CurrentPrincipal() principal: Principal,
  ): Promise<Page<EvidenceView>> {
    return this.evidence.ofIncident(fingerprint, query, principal);
  }
}

function answer({ view, replayed }: Attached, reply: FastifyReply): EvidenceView {
  if (replayed) void reply.status(HttpStatus.OK).header('idempotency-replayed', 'true');
  return view;
}
