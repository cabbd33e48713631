import { ConfigurationError, readSettings } from './read-settings.js';
import type { SettingsDefinition } from './read-settings.js';
import type { Settings } from './settings.js';

/** What is wrong with these settings in this environment; empty where nothing is. */
export function faultsIn<S extends Settings>(
  definition: SettingsDefinition<S>,
  env: NodeJS.ProcessEnv,
): readonly string[] {
  try {
    readSettings(definition, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}
