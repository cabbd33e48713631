import 'reflect-metadata';
import { sweepCommand } from '@assay/work-queue';
import { VALIDATOR_SETTINGS } from '../validator.config.js';

await sweepCommand({ service: 'validator', schema: 'validator', also_known: [VALIDATOR_SETTINGS] });
