import { createLog } from '@assay/observability';
import { defineSettings, PROCESS_SETTINGS, runCommand } from '@assay/service';
import type { SettingsDefinition } from '@assay/service';
import { kafkaAccessFaults } from './access-settings.js';
import { createTopics } from './create-topics.js';
import { TOPIC_SETTINGS } from './settings.js';

const log = createLog('kafka.topics', ['topics_ready']);

/** The installation's `commands/topics.ts`: the only place where topics are made; nothing relies on auto-creation. */
export function topicsCommand(also_known?: SettingsDefinition[]): Promise<void> {
  return runCommand({
    name: 'topics',
    settings: defineSettings({ ...PROCESS_SETTINGS, ...TOPIC_SETTINGS }, kafkaAccessFaults),
    also_known,
    run: async (settings) => {
      const { created, extended } = await createTopics(settings);
      log.info('topics_ready', { created, extended });
    },
  });
}
