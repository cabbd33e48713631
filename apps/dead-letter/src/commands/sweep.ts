import { sweepCommand } from '@assay/work-queue';
import { DEAD_LETTER_SETTINGS } from '../dead-letter.config.js';

await sweepCommand({ service: 'dead-letter', schema: 'dead_letter', also_known: [DEAD_LETTER_SETTINGS] });
