import { Module } from '@nestjs/common';
import { AuditTrailModule } from './audit-trail.module.js';
import { AuditController } from './audit.controller.js';
import { AuditViewService } from './audit-view.service.js';
import { SealerRepository } from './sealer.repository.js';
import { SealerService } from './sealer.service.js';

/** The audit log: sealing and reading it (DLQ-11). */
@Module({
  imports: [AuditTrailModule],
  controllers: [AuditController],
  providers: [AuditViewService, SealerRepository, SealerService],
})
export class AuditModule {}
