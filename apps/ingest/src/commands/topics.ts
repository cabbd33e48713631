import 'reflect-metadata';
import { topicsCommand } from '@assay/messaging';
import { INGEST_SETTINGS } from '../ingest.config.js';

await topicsCommand([INGEST_SETTINGS]);
