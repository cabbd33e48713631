import { createLog } from '@assay/observability';
import { defineSettings, PROCESS_SETTINGS, runCommand } from '@assay/service';
import type { SettingsDefinition } from '@assay/service';
import type { MigrationClass } from './migrations.js';
import { runMigrations } from './migrations.js';
import { databaseFrom } from './postgres.module.js';
import { POSTGRES_SETTINGS } from './settings.js';

const log = createLog('postgres.migrations', ['migrated']);

export interface MigrateCommand {
  /** `ingest`. */
  service: string;
  schema: string;
  migrations: readonly MigrationClass[];
  /** The service's own settings, which share the environment. */
  also_known?: SettingsDefinition[];
}

/** A service's `commands/migrate.ts`: the only place where its schema changes, never its boot (OPS-2). */
export function migrateCommand({ service, schema, migrations, also_known }: MigrateCommand): Promise<void> {
  return runCommand({
    name: `${service} migrate`,
    settings: defineSettings({ ...PROCESS_SETTINGS, ...POSTGRES_SETTINGS }),
    also_known,
    run: async (settings) => {
      const database = await databaseFrom({ schema, settings, migrations }).open();
      try {
        await database.setSessionOnRole();
        const limits = { lock_timeout_ms: settings.postgres_migration_lock_timeout_ms };
        log.info('migrated', { schema, applied: await runMigrations(database, schema, limits) });
      } finally {
        await database.close();
      }
    },
  });
}
