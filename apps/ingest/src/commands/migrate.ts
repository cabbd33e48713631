import 'reflect-metadata';
import { migrateCommand } from '@assay/postgres';
import { INGEST_SETTINGS } from '../ingest.config.js';
import { MIGRATIONS } from '../migrations/index.js';

await migrateCommand({ service: 'ingest', schema: 'ingest', migrations: MIGRATIONS, also_known: [INGEST_SETTINGS] });
