import 'reflect-metadata';
import { sweepCommand } from '@assay/work-queue';
import { INGEST_SETTINGS } from '../ingest.config.js';

await sweepCommand({ service: 'ingest', schema: 'ingest', also_known: [INGEST_SETTINGS] });
