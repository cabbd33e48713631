import type { Setting, Settings, Values } from './settings.js';

export interface SettingsDefinition<S extends Settings = Settings> {
  readonly settings: S;
  /** What one setting demands of another; one fault a line, asked only when each is right by itself. */
  check?(values: Values<S>): readonly string[];
}

const PREFIX = 'ASSAY_';

/** Declares a service's settings. Throws where two share a variable or one leaves the prefix: that is a bug. */
export function defineSettings<S extends Settings>(
  settings: S,
  check?: (values: Values<S>) => readonly string[],
): SettingsDefinition<S> {
  const seen = new Set<string>();
  for (const { env } of Object.values(settings)) {
    if (!env.startsWith(PREFIX)) throw new Error(`${env} does not start with ${PREFIX}`);
    if (seen.has(env)) throw new Error(`${env} is declared twice`);
    seen.add(env);
  }
  return { settings, check };
}

/** Every fault of a configuration at once, each with its variable. */
export class ConfigurationError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`the configuration has ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}:\n${lines(faults)}`);
    this.name = 'ConfigurationError';
  }
}

function lines(faults: readonly string[]): string {
  return faults.map((fault) => `  - ${fault}`).join('\n');
}

export interface ReadOptions {
  /** Settings of the same environment that this process has no use for: a command beside its service's. */
  also_known?: SettingsDefinition[];
}

/**
 * The settings as a typed object. Throws {@link ConfigurationError} with every fault: missing, malformed, and each
 * `ASSAY_*` variable that nothing declares (a misspelt setting would otherwise silently be its default).
 */
export function readSettings<S extends Settings>(
  { settings, check }: SettingsDefinition<S>,
  env: NodeJS.ProcessEnv = process.env,
  options: ReadOptions = {},
): Values<S> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    try {
      values[name] = readOne(setting, env);
    } catch (error) {
      for (const fault of (error as Error).message.split('\n')) faults.push(`${setting.env}: ${fault}`);
    }
  }
  faults.push(...unknownNames([{ settings }, ...(options.also_known ?? [])], env));
  if (faults.length === 0) faults.push(...(check?.(values as Values<S>) ?? []));
  if (faults.length > 0) throw new ConfigurationError(faults);
  return values as Values<S>;
}

function readOne(setting: Setting<unknown>, env: NodeJS.ProcessEnv): unknown {
  const text = env[setting.env]?.trim();
  if (text) return setting.parse(text, env);
  if (setting.default === undefined) throw new Error(`is missing. ${setting.doc}`);
  return setting.default;
}

function unknownNames(definitions: SettingsDefinition[], env: NodeJS.ProcessEnv): string[] {
  const declared = new Set(definitions.flatMap(({ settings }) => Object.values(settings).map((one) => one.env)));
  const names = Object.keys(env).filter((name) => name.startsWith(PREFIX));
  // A secret may be kept in a variable of our prefix: the reference to it makes it known.
  const referenced = new Set(names.map((name) => /^env:(.+)$/.exec(env[name]?.trim() ?? '')?.[1]));
  return names
    .filter((name) => !declared.has(name) && !referenced.has(name))
    .sort()
    .map((name) => `${name}: no such setting${suggestion(name, declared)}`);
}

function suggestion(name: string, declared: Set<string>): string {
  const near = [...declared].find((known) => differsByAtMost(name, known, 2));
  return near ? `; did you mean ${near}?` : '';
}

/** Levenshtein distance with a bound; the names are short. */
function differsByAtMost(a: string, b: string, most: number): boolean {
  if (Math.abs(a.length - b.length) > most) return false;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]! <= most;
}
