import { createLog } from '@assay/observability';
import { databaseFrom, POSTGRES_SETTINGS } from '@assay/postgres';
import { defineSettings, PROCESS_SETTINGS, runCommand } from '@assay/service';
import type { SettingsDefinition } from '@assay/service';
import { ItemRepository } from './item.repository.js';
import { WORK_QUEUE_SETTINGS } from './settings.js';
import { LaneRepository } from './lane.repository.js';
import { Sweeper } from './sweeper.js';

const log = createLog('work-queue.sweep-command', ['sweep_done']);

export interface SweepCommand {
  /** `ingest`. */
  service: string;
  schema: string;
  /** The service's own settings, which share the environment. */
  also_known?: SettingsDefinition[];
}

/** A service's `commands/sweep.ts` (WQ-4): takes back expired items once, for a CronJob beside the replicas' loops. */
export function sweepCommand({ service, schema, also_known }: SweepCommand): Promise<void> {
  return runCommand({
    name: `${service} sweep`,
    settings: defineSettings({ ...PROCESS_SETTINGS, ...POSTGRES_SETTINGS, ...WORK_QUEUE_SETTINGS }),
    also_known,
    run: async (settings) => {
      const database = await databaseFrom({ schema, settings }).open();
      try {
        const items = new ItemRepository(settings.instance, settings.lease_ms, settings.priority_ageing_s);
        const swept = await new Sweeper(
          database,
          items,
          new LaneRepository(),
          settings.sweep_interval_ms,
          () => undefined,
        ).sweepAndMark();
        log.info('sweep_done', { schema, items: swept.length });
      } finally {
        await database.close();
      }
    },
  });
}
