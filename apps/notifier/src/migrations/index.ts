import type { MigrationClass } from '@assay/postgres';
import { Init1763900000000 } from './1763900000000-init.js';
import { Corrections1764000000000 } from './1764000000000-corrections.js';

/** Every migration of the schema `notifier`, oldest first; forward-only (OPS-2). */
export const MIGRATIONS: MigrationClass[] = [Init1763900000000, Corrections1764000000000];
