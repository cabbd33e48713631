import { Controller, Get, Inject, Query } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { PageQuery } from '../paging.js';
import type { Page } from '../paging.js';
import { EntriesQuery } from './audit-requests.js';
import { AuditViewService } from './audit-view.service.js';
import type { AuditView, SignedCheckpoint, StoredAuditEntries } from './audit-view.service.js';

/** `/v1/audit` (DLQ-11): what was done, by whom, and what proves it. Needs a key for every source. */
@Controller('v1/audit')
@Roles('auditor')
export class AuditController {
  constructor(@Inject(AuditViewService) private readonly views: AuditViewService) {}

  /** Lists entries that are sealed, newest first. The look is an entry itself. */
  @Get()
  list(@Query() query: PageQuery, @CurrentPrincipal() principal: Principal): Promise<Page<AuditView>> {
    return this.views.list(query, principal);
  }

  /** Entries in the order of the log, with their exact bytes and stored hashes, for an export. The look is an entry itself. */
  @Get('entries')
  entries(@Query() query: EntriesQuery, @CurrentPrincipal() principal: Principal): Promise<StoredAuditEntries> {
    return this.views.stored(query, principal);
  }

  /** The last checkpoint: a signed note (C2SP). */
  @Get('checkpoint')
  checkpoint(): Promise<SignedCheckpoint> {
    return this.views.checkpoint();
  }
}
