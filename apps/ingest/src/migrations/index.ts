import type { MigrationClass } from '@assay/postgres';
import { Init1763900000000 } from './1763900000000-init.js';
import { Replays1764000000000 } from './1764000000000-replays.js';

/** Every migration of the schema `ingest`, oldest first; forward-only (OPS-2). */
export const MIGRATIONS: MigrationClass[] = [Init1763900000000, Replays1764000000000];
