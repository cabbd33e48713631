import { contractOf, REGISTERED_VERSIONS, type RegisteredVersion, type VersionStatus } from './contract/registry.js';
import type { Contract } from './contract/contract.js';
import {
  checkReading,
  compileReading,
  DEFAULT_READING,
  isRecord,
  type Reading,
  type ReadingSettings,
} from './reading.js';
import { parsePromptVersion, parseSchemaVersion } from './versions/version.js';

/** VAL-10. */
export interface Limits {
  /** A review result's own size. Ingest refuses a larger one (413) before it becomes a job. */
  max_result_bytes: number;
  max_findings: number;
  /** Levels of nesting, the document itself being the first. */
  max_depth: number;
  max_message_bytes: number;
  max_summary_bytes: number;
  max_string_bytes: number;
  max_diagnostics: number;
}

/** What an installation decides about reviews. All of it is data, so that a dry run can be given the same. */
export interface PolicySettings extends ReadingSettings {
  /** VER-4: MAJOR.MINOR[.PATCH]. */
  prompt_versions: readonly string[];
  prompt_patch_drift: boolean;
  /** Which registered versions are taken, and how they stand; left out: all, as registered. */
  schema_versions?: Readonly<Record<string, VersionStatus>>;
  /** What of the reading differs for a source (VAL-15). */
  sources?: Readonly<Record<string, Partial<ReadingSettings>>>;
  limits: Limits;
}

export const DEFAULT_POLICY: PolicySettings = {
  prompt_versions: ['1.0.0'],
  prompt_patch_drift: false,
  ...DEFAULT_READING,
  limits: {
    max_result_bytes: 2 * 1024 * 1024,
    max_findings: 5_000,
    max_depth: 64,
    max_message_bytes: 8 * 1024,
    max_summary_bytes: 16 * 1024,
    max_string_bytes: 1024,
    max_diagnostics: 1_000,
  },
};

/** A registered version as the policy has it. */
export interface OfferedVersion {
  version: string;
  major: number;
  minor: number;
  standing: VersionStatus;
  contract: Contract;
}

/** Compiled settings; made once, used for every review. */
export interface Policy {
  readonly settings: PolicySettings;
  readonly limits: Limits;
  /** By major, then minor. */
  readonly offered: readonly OfferedVersion[];
  /** Listed prompt versions as [major, minor, patch]. */
  readonly prompts: readonly (readonly [number, number, number])[];
  /** Every spelling of a listed prompt version. */
  readonly listed_prompts: ReadonlySet<string>;
  /** How a source's results are read; null for one that is not known. */
  readonly readingOf: (source: string | null) => Reading;
  /** Takes secrets out of texts that go into diagnostics (SEC-4). */
  readonly redact: (text: string) => string;
}

export class PolicyError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`the review policy cannot be used: ${faults.join('; ')}`);
    this.name = 'PolicyError';
  }
}

export interface PolicyOverrides extends Partial<Omit<PolicySettings, 'limits'>> {
  limits?: Partial<Limits>;
}

/**
 * Compiles a policy from what differs from {@link DEFAULT_POLICY}.
 *
 * @throws PolicyError naming every setting that is wrong.
 */
export function definePolicy(
  overrides: PolicyOverrides = {},
  options: { redact?: (text: string) => string; registry?: readonly RegisteredVersion[] } = {},
): Policy {
  const faults: string[] = [];
  const { limits: limitOverrides, ...rest } = overrides;
  const settings: PolicySettings = {
    ...DEFAULT_POLICY,
    ...rest,
    limits: { ...DEFAULT_POLICY.limits, ...limitOverrides },
  };
  checkNames(settings, faults);
  checkLimits(settings.limits, faults);
  if (typeof settings.prompt_patch_drift !== 'boolean') faults.push('prompt_patch_drift must be true or false');
  const prompts = readPrompts(settings.prompt_versions, faults);
  const readingOf = readReadings(settings, faults);
  const offered = readOffered(settings.schema_versions, options.registry ?? REGISTERED_VERSIONS, faults);
  if (faults.length > 0) throw new PolicyError(faults);
  const listed_prompts = new Set(prompts.flatMap(spellings));
  const redact = options.redact ?? ((text: string) => text);
  return { settings, limits: settings.limits, offered, prompts, listed_prompts, readingOf, redact };
}

/**
 * A policy as a file holds it: any of the settings by name, the limits among them or under `limits`.
 *
 * @throws PolicyError when it is no object; what its settings are worth is {@link definePolicy}'s to judge.
 */
export function readPolicyDocument(document: unknown): PolicyOverrides {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new PolicyError(['a policy is an object of settings']);
  }
  const members = Object.entries(document);
  const isLimit = ([name]: [string, unknown]) => Object.hasOwn(DEFAULT_POLICY.limits, name);
  const { limits, ...rest } = Object.fromEntries(members.filter((member) => !isLimit(member)));
  const flat = Object.fromEntries(members.filter(isLimit));
  if (limits !== undefined && (typeof limits !== 'object' || limits === null || Array.isArray(limits))) {
    throw new PolicyError(['limits is an object of limits']);
  }
  return { ...rest, limits: { ...(limits as object | undefined), ...flat } };
}

function spellings([major, minor, patch]: readonly [number, number, number]): string[] {
  const whole = `${major}.${minor}.${patch}`;
  return patch === 0 ? [whole, `${major}.${minor}`] : [whole];
}

function checkNames(settings: PolicySettings, faults: string[]): void {
  const known = new Set([...Object.keys(DEFAULT_POLICY), 'schema_versions', 'sources']);
  for (const name of Object.keys(settings)) if (!known.has(name)) faults.push(`${name} is not a policy setting`);
}

function checkLimits(limits: Limits, faults: string[]): void {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_POLICY.limits, name)) faults.push(`limits.${name} is not a limit`);
    else if (!Number.isSafeInteger(value) || value < 1) faults.push(`limits.${name} must be a whole number above 0`);
  }
}

/** VAL-15: the policy's own reading, and those of the sources that it names. */
function readReadings(settings: PolicySettings, faults: string[]): Policy['readingOf'] {
  const { reading, truncated, aliases, sources = {} } = settings;
  const common = { reading, truncated, aliases };
  const before = faults.length;
  checkReading(common, '', faults);
  if (!isRecord(sources)) faults.push('sources must be an object of sources');
  else for (const [source, own] of Object.entries(sources)) checkSource(own, `sources.${source}`, faults);
  if (faults.length > before) return () => compileReading(DEFAULT_READING);
  const byDefault = compileReading(common);
  const bySource = new Map(
    Object.entries(sources).map(([source, own]) => [source, compileReading({ ...common, ...own })]),
  );
  return (source) => (source === null ? undefined : bySource.get(source)) ?? byDefault;
}

function checkSource(own: unknown, name: string, faults: string[]): void {
  if (!isRecord(own)) {
    faults.push(`${name} must be an object of settings`);
    return;
  }
  for (const member of Object.keys(own)) {
    if (!Object.hasOwn(DEFAULT_READING, member)) faults.push(`${name}.${member} is not a setting of a source`);
  }
  checkReading(own, `${name}.`, faults);
}

function readPrompts(versions: unknown, faults: string[]): (readonly [number, number, number])[] {
  if (!Array.isArray(versions) || versions.length === 0) {
    faults.push('prompt_versions must be a list of at least one version');
    return [];
  }
  const prompts: (readonly [number, number, number])[] = [];
  for (const version of versions as unknown[]) {
    const parsed = typeof version === 'string' ? parsePromptVersion(version) : null;
    if (parsed === null) faults.push(`prompt_versions: ${JSON.stringify(version)} is not MAJOR.MINOR[.PATCH]`);
    else prompts.push(parsed);
  }
  return prompts;
}

function readOffered(
  standings: PolicySettings['schema_versions'],
  registry: readonly RegisteredVersion[],
  faults: string[],
): OfferedVersion[] {
  if (standings !== undefined && (typeof standings !== 'object' || standings === null || Array.isArray(standings))) {
    faults.push('schema_versions must be an object of versions');
    return [];
  }
  const versions = registry.map(({ version }) => version);
  for (const version of new Set(versions.filter((version, index) => versions.indexOf(version) !== index))) {
    faults.push(`contract ${version} is registered already`);
  }
  const wanted = standings ?? Object.fromEntries(registry.map(({ version, standing }) => [version, standing]));
  const offered: OfferedVersion[] = [];
  for (const [version, standing] of Object.entries(wanted)) {
    const registered = registry.find((entry) => entry.version === version);
    const parsed = parseSchemaVersion(version);
    const fault = standingFault(standing);
    if (registered === undefined) faults.push(`schema_versions: ${version} is not registered`);
    else if (parsed === null) faults.push(`schema_versions: ${version} is not MAJOR.MINOR`);
    else if (fault !== null) faults.push(`schema_versions: ${version}: ${fault}`);
    else {
      const contract = compiled(registered, faults);
      if (contract !== null) offered.push({ version, major: parsed[0], minor: parsed[1], standing, contract });
    }
  }
  if (offered.length === 0) faults.push('schema_versions must offer at least one version');
  return offered.sort((a, b) => a.major - b.major || a.minor - b.minor);
}

function compiled(registered: RegisteredVersion, faults: string[]): Contract | null {
  try {
    return contractOf(registered);
  } catch (error) {
    faults.push((error as Error).message);
    return null;
  }
}

function standingFault(standing: VersionStatus): string | null {
  const { status, date, sources } = { date: undefined, sources: undefined, ...standing } as Record<string, unknown>;
  if (status === 'current' || status === 'supported') return null;
  if (status === 'sunset') {
    return typeof date === 'string' && isDate(date) ? null : 'sunset needs a date, YYYY-MM-DD';
  }
  if (status === 'preview') {
    return Array.isArray(sources) && sources.every((source) => typeof source === 'string')
      ? null
      : 'preview needs the list of its sources';
  }
  return 'status must be current, supported, sunset or preview';
}

/** A day that there is, as RFC 3339's full-date. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
