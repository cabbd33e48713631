import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { BodySchema, JsonBody } from '@assay/service';
import { SUBMISSION_SCHEMA } from '@assay/submission';
import type { FastifyReply } from 'fastify';
import { ReviewListQuery, ReviewQuery } from './review-queries.js';
import { ReviewsService } from './reviews.service.js';

/** `/v1/reviews` (ING-1 to 5, 7, 8, 10). Findings of a job are served by the validator, which owns them. */
@Controller('v1/reviews')
export class ReviewsController {
  constructor(@Inject(ReviewsService) private readonly reviews: ReviewsService) {}

  /** Submits a review result. 202: a new job, durable. 200: the job that this key or this version already has. */
  @Post()
  @Roles('submitter')
  @HttpCode(202)
  @BodySchema(null, SUBMISSION_SCHEMA)
  async submit(
    @CurrentPrincipal() principal: Principal,
    @Body() body: JsonBody,
    @Headers('idempotency-key') header_key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { status, replayed, view } = await this.reviews.submit(principal, body, header_key);
    void reply.status(status).header('location', view.links.job);
    if (replayed) void reply.header('idempotency-replayed', 'true');
    return view;
  }

  /** A job with counts, deliveries and its timeline. */
  @Get(':id')
  @Roles('submitter', 'operator', 'approver', 'auditor')
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string, @Query() query: ReviewQuery) {
    return this.reviews.get(principal, id, Number(query.wait_s ?? 0) * 1_000);
  }

  /** Lists jobs, newest first. */
  @Get()
  @Roles('submitter', 'operator', 'approver', 'auditor')
  list(@CurrentPrincipal() principal: Principal, @Query() query: ReviewListQuery) {
    return this.reviews.list(principal, query);
  }
}
