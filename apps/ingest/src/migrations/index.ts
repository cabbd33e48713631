import type { MigrationClass } from '@assay/postgres';
import { Init1763900000000 } from './1763900000000-init.js';
import { Replays1764000000000 } from './1764000000000-replays.js';
import { TimelineWithoutForeignKey1764100000000 } from './1764100000000-timeline-without-foreign-key.js';

/** Every migration of the schema `ingest`, oldest first; forward-only (OPS-2). */
export const MIGRATIONS: MigrationClass[] = [
  Init1763900000000,
  Replays1764000000000,
  TimelineWithoutForeignKey1764100000000,
];
