import { defineSettings, PROCESS_SETTINGS, runCommand } from '@assay/service';
import type { SettingsDefinition } from '@assay/service';
import { parseArgs } from 'node:util';
import { aclCommands, grantsOf, USUAL_PRINCIPAL } from './acls.js';
import { KAFKA_CLUSTER_SETTINGS } from './settings.js';

/**
 * The installation's `commands/acls.ts`: prints what each service's principal is to be granted, and changes nothing,
 * since whoever may grant is seldom whoever runs Assay. `--principal 'User:CN={service}.example'` says how principals are
 * called, `--json` prints data in place of command lines.
 */
export function aclsCommand(also_known?: SettingsDefinition[]): Promise<void> {
  const { kafka_topic_prefix } = KAFKA_CLUSTER_SETTINGS;
  return runCommand({
    name: 'acls',
    settings: defineSettings({ ...PROCESS_SETTINGS, kafka_topic_prefix }),
    also_known,
    run: ({ kafka_topic_prefix: prefix }) => {
      const options = { principal: { type: 'string', default: USUAL_PRINCIPAL }, json: { type: 'boolean' } } as const;
      const { principal, json } = parseArgs({ options }).values;
      if (!/^[^:]+:.*\{service\}/.test(principal)) {
        throw new Error('--principal must be TYPE:NAME with {service} in it: each service has a principal of its own');
      }
      const grants = grantsOf(prefix, principal);
      process.stdout.write(`${json ? JSON.stringify(grants, null, 2) : aclCommands(grants).join('\n')}\n`);
      return Promise.resolve();
    },
  });
}
