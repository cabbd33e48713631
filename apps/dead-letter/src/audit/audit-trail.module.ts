import { Module } from '@nestjs/common';
import { AuditTrail } from './audit-trail.js';
import { EntriesRepository } from './entries.repository.js';

/** Writing entries down, for every feature in which somebody acts. */
@Module({ providers: [AuditTrail, EntriesRepository], exports: [AuditTrail, EntriesRepository] })
export class AuditTrailModule {}
