import { Body, Controller, Get, Headers, HttpCode, HttpStatus, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { Problem } from '@assay/contracts';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import type { FastifyReply } from 'fastify';
import type { Page } from '../paging.js';
import { requireUuid } from '../scope.js';
import { PlanActionsService } from './plan-actions.service.js';
import { ItemListQuery, PlanListQuery, PlanRequest } from './plan-requests.js';
import { PlansViewRepository } from './plans-view.repository.js';
import type { ItemView, PlanSummary, PlanView } from './plans-view.repository.js';
import { PlansService } from './plans.service.js';

/** `/v1/replay-plans` (DLQ-8): every answer is scoped to the sources of the key. */
@Controller('v1/replay-plans')
@Roles('operator', 'approver', 'auditor')
export class PlansController {
  constructor(
    @Inject(PlansService) private readonly plans: PlansService,
    @Inject(PlanActionsService) private readonly actions: PlanActionsService,
    @Inject(PlansViewRepository) private readonly views: PlansViewRepository,
  ) {}

  /** Freezes dead letters for a replay; the same `Idempotency-Key` with the same body answers 200 with the plan it made. */
  @Post()
  @Roles('operator')
  @HttpCode(HttpStatus.CREATED)
  async create(
    @Body() request: PlanRequest,
    @CurrentPrincipal() principal: Principal,
    @Headers('idempotency-key') header_key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlanView> {
    const { view, replayed } = await this.plans.create(request, principal, header_key);
    void reply.header('location', `/v1/replay-plans/${view.id}`);
    if (replayed) void reply.status(HttpStatus.OK).header('idempotency-replayed', 'true');
    return view;
  }

  /** Lists plans, those that changed last first; a change of an item is one of its plan. */
  @Get()
  list(@Query() query: PlanListQuery, @CurrentPrincipal() principal: Principal): Promise<Page<PlanSummary>> {
    return this.views.list(query, principal);
  }

  /** A plan with its progress and history. */
  @Get(':id')
  async get(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<PlanView> {
    requireUuid(id);
    const plan = await this.views.get(id, principal);
    if (!plan) throw new Problem('not_found');
    return plan;
  }

  /** Its items with checks, outcome and history. */
  @Get(':id/items')
  async items(
    @Param('id') id: string,
    @Query() query: ItemListQuery,
    @CurrentPrincipal() principal: Principal,
  ): Promise<Page<ItemView>> {
    await this.get(id, principal);
    return this.views.items(id, query, principal);
  }

  /** Begins to ask for the items, one job after another, within the plan's rate. */
  @Post(':id/execute')
  @Roles('operator')
  @HttpCode(HttpStatus.OK)
  execute(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<PlanView> {
    return this.actions.act('execute', id, principal);
  }

  /** Asks for nothing more until it is resumed; what was asked for runs its course. */
  @Post(':id/pause')
  @Roles('operator')
  @HttpCode(HttpStatus.OK)
  pause(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<PlanView> {
    return this.actions.act('pause', id, principal);
  }

  /** Goes on with a paused plan. */
  @Post(':id/resume')
  @Roles('operator')
  @HttpCode(HttpStatus.OK)
  resume(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<PlanView> {
    return this.actions.act('resume', id, principal);
  }

  /** Gives up what has not been asked for; what was runs its course. */
  @Post(':id/cancel')
  @Roles('operator')
  @HttpCode(HttpStatus.OK)
  cancel(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<PlanView> {
    return this.actions.act('cancel', id, principal);
  }
}
