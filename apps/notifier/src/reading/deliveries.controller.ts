import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { CurrentPrincipal, Roles } from '@assay/security';
import type { Principal } from '@assay/security';
import { DeliveryListQuery } from './delivery-queries.js';
import { ReadingService } from './reading.service.js';
import type { DeliveryPage, DeliveryView } from './reading.service.js';

/** `/v1/deliveries`: every answer is scoped to the sources of the key. What is done about them, dead-letter takes (DEL-10). */
@Controller('v1/deliveries')
@Roles('submitter', 'operator', 'approver', 'auditor')
export class DeliveriesController {
  constructor(@Inject(ReadingService) private readonly reading: ReadingService) {}

  /** Lists deliveries, newest first. A page before the last may hold fewer than `limit`: go on while there is a cursor. */
  @Get()
  list(@Query() query: DeliveryListQuery, @CurrentPrincipal() principal: Principal): Promise<DeliveryPage> {
    return this.reading.list(query, principal);
  }

  /** A delivery with every step that it took. */
  @Get(':id')
  get(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<DeliveryView> {
    return this.reading.get(id, principal);
  }
}
