import { Body, Controller, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { CancelRequest } from './cancel-request.js';
import { CancellingService } from './cancelling.service.js';

@Controller('v1/reviews')
export class CancellingController {
  constructor(@Inject(CancellingService) private readonly cancelling: CancellingService) {}

  /** Cancels a job: what nobody was told of yet is told to nobody. Asked again it changes nothing. 409 once it has ended. */
  @Post(':id/cancel')
  @Roles('submitter', 'operator')
  @HttpCode(202)
  cancel(@CurrentPrincipal() principal: Principal, @Param('id') id: string, @Body() request: CancelRequest) {
    return this.cancelling.cancel(principal, id, request.reason);
  }
}
