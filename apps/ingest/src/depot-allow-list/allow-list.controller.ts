import { Controller, Get, Inject } from '@nestjs/common';
import { Roles } from '@assay/security';
import { AllowListService } from './allow-list.service.js';

/** Which depot paths may be reviewed, and how that came to be (SEC-2). Not for submitters: it names others' depots. */
@Controller('v1/depot-allow-list')
@Roles('operator', 'approver', 'auditor')
export class AllowListController {
  constructor(@Inject(AllowListService) private readonly allowList: AllowListService) {}

  /** The allow-list in force. */
  @Get()
  current() {
    return this.allowList.current();
  }

  /** The changes of the allow-list: who, when, what. */
  @Get('history')
  history() {
    return this.allowList.history();
  }
}
