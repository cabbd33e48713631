import type { MigrationClass } from '@assay/postgres';
import { Init1763900000000 } from './1763900000000-init.js';
import { Evidence1763990000000 } from './1763990000000-evidence.js';
import { Replays1763990500000 } from './1763990500000-replays.js';
import { ReplayedClass1763991000000 } from './1763991000000-replayed-class.js';
import { Actions1763992000000 } from './1763992000000-actions.js';
import { Audit1763993000000 } from './1763993000000-audit.js';

/** Every migration of the schema `dead_letter`, oldest first; forward-only (OPS-2). */
export const MIGRATIONS: MigrationClass[] = [
  Init1763900000000,
  Evidence1763990000000,
  Replays1763990500000,
  ReplayedClass1763991000000,
  Actions1763992000000,
  Audit1763993000000,
];
