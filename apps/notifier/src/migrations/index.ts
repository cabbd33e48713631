import type { MigrationClass } from '@assay/postgres';
import { Init1763900000000 } from './1763900000000-init.js';

/** Every migration of the schema `notifier`, oldest first; forward-only (OPS-2). */
export const MIGRATIONS: MigrationClass[] = [Init1763900000000];
