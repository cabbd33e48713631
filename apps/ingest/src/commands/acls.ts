import 'reflect-metadata';
import { aclsCommand } from '@assay/messaging';
import { INGEST_SETTINGS } from '../ingest.config.js';

await aclsCommand([INGEST_SETTINGS]);
