import 'reflect-metadata';
import { migrateCommand } from '@assay/postgres';
import { MIGRATIONS } from '../migrations/index.js';
import { VALIDATOR_SETTINGS } from '../validator.config.js';

await migrateCommand({
  service: 'validator',
  schema: 'validator',
  migrations: MIGRATIONS,
  also_known: [VALIDATOR_SETTINGS],
});
