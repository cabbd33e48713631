import 'reflect-metadata';
import { migrateCommand } from '@assay/postgres';
import { MIGRATIONS } from '../migrations/index.js';
import { NOTIFIER_SETTINGS } from '../notifier.config.js';

await migrateCommand({
  service: 'notifier',
  schema: 'notifier',
  migrations: MIGRATIONS,
  also_known: [NOTIFIER_SETTINGS],
});
