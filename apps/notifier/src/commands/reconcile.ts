import 'reflect-metadata';
import { defineSettings, PROCESS_SETTINGS, runCommand } from '@assay/service';
import { NOTIFIER_SETTINGS, RECONCILIATION_SETTINGS } from '../notifier.config.js';
import { reconcileOnce } from '../reconciliation/index.js';

/** One reconciliation, for a CronJob beside the replicas' own loops (DEL-11). */
await runCommand({
  name: 'notifier reconcile',
  settings: defineSettings({ ...PROCESS_SETTINGS, ...RECONCILIATION_SETTINGS }),
  also_known: [NOTIFIER_SETTINGS],
  run: async (settings) => {
    await reconcileOnce(settings);
  },
});
