export { AuditModule } from './audit.module.js';
export { AuditTrail } from './audit-trail.js';
export type { Act } from './audit-trail.js';
export { AuditTrailModule } from './audit-trail.module.js';
export { AUDIT_CONFIG } from './audit.settings.js';
