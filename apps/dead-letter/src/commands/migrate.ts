import { migrateCommand } from '@assay/postgres';
import { DEAD_LETTER_SETTINGS } from '../dead-letter.config.js';
import { MIGRATIONS } from '../migrations/index.js';

await migrateCommand({
  service: 'dead-letter',
  schema: 'dead_letter',
  migrations: MIGRATIONS,
  also_known: [DEAD_LETTER_SETTINGS],
});
