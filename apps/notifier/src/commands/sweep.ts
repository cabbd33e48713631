import 'reflect-metadata';
import { sweepCommand } from '@assay/work-queue';
import { NOTIFIER_SETTINGS } from '../notifier.config.js';

await sweepCommand({ service: 'notifier', schema: 'notifier', also_known: [NOTIFIER_SETTINGS] });
