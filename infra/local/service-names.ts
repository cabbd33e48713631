import type { DatabaseService } from './postgres.js';

/** The four services as processes: the folder under apps/. */
export const SERVICES = ['ingest', 'validator', 'notifier', 'dead-letter'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Schemas and roles are SQL names, which have no dash. */
export function schemaOf(service: ServiceName): DatabaseService {
  return service === 'dead-letter' ? 'dead_letter' : service;
}
