import { Body, Controller, Get, Headers, HttpCode, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import type { FastifyReply } from 'fastify';
import { PageQuery } from '../paging.js';
import type { Page } from '../paging.js';
import { ActionRequest } from './action-requests.js';
import type { ActionView } from './actions.repository.js';
import { ActionsService } from './actions.service.js';

/** `/v1/actions` (DEL-8): what operators do about deliveries that wait. */
@Controller('v1/actions')
@Roles('operator', 'approver', 'auditor')
export class ActionsController {
  constructor(@Inject(ActionsService) private readonly actions: ActionsService) {}

  /** Asks the owner of deliveries to act on them; the same `Idempotency-Key` with the same body answers 200 with the act. */
  @Post()
  @Roles('operator')
  @HttpCode(HttpStatus.ACCEPTED)
  async request(
    @Body() request: ActionRequest,
    @CurrentPrincipal() principal: Principal,
    @Headers('idempotency-key') header_key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ActionView> {
    const { view, replayed } = await this.actions.request(request, principal, header_key);
    void reply.header('location', `/v1/actions/${view.action_id}`);
    if (replayed) void reply.status(HttpStatus.OK).header('idempotency-replayed', 'true');
    return view;
  }

  /** Lists acts, newest first. */
  @Get()
  list(@Query() query: PageQuery, @CurrentPrincipal() principal: Principal): Promise<Page<ActionView>> {
    return this.actions.list(query, principal);
  }

  /** An act, and what has come of it. */
  @Get(':id')
  get(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<ActionView> {
    return this.actions.get(id, principal);
  }
}
