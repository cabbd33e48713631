import { KAFKA_SETTINGS, kafkaAccessFaults } from '@assay/messaging';
import { POSTGRES_SETTINGS } from '@assay/postgres';
import { defineSettings, HTTP_SETTINGS } from '@assay/service';
import type { Values } from '@assay/service';
import { WORK_QUEUE_SETTINGS } from '@assay/work-queue';
import { AUDIT_SETTINGS } from './audit/audit.settings.js';
import { REPLAY_SETTINGS } from './replay/replay.settings.js';

export const DEAD_LETTER_SETTINGS = defineSettings(
  {
    ...HTTP_SETTINGS,
    ...POSTGRES_SETTINGS,
    ...KAFKA_SETTINGS,
    ...WORK_QUEUE_SETTINGS,
    ...REPLAY_SETTINGS,
    ...AUDIT_SETTINGS,
  },
  kafkaAccessFaults,
);
export type DeadLetterSettings = Values<(typeof DEAD_LETTER_SETTINGS)['settings']>;
