import { Body, Controller, HttpCode, HttpStatus, Inject, Param, Post } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { ReasonRequest, TriageService } from '../triage/index.js';
import type { LetterView } from '../triage/index.js';
import { EndReplayService } from './end-replay.service.js';

@Controller('v1/dead-letters')
@Roles('operator')
export class LetterReplayController {
  constructor(
    @Inject(EndReplayService) private readonly ending: EndReplayService,
    @Inject(TriageService) private readonly triage: TriageService,
  ) {}

  /** Waits no longer for a replay: the dead letter stands open again. Done again it changes nothing. */
  @Post(':id/end-replay')
  @HttpCode(HttpStatus.OK)
  async end(
    @Param('id') id: string,
    @Body() { reason }: ReasonRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<LetterView> {
    await this.ending.end(id, reason, principal);
    return this.triage.get(id, principal);
  }
}
