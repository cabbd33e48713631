import { contractOf, REGISTERED_VERSIONS, type RegisteredVersion, type VersionStatus } from './contract/registry.js';
import { FieldKind, type Contract } from './contract/contract.js';
import { PolicyError, reportTo, type PolicyFault, type Report } from './policy-fault.js';
import {
  compileReadings,
  DEFAULT_READING,
  isRecord,
  READING_SETTINGS,
  type Reading,
  type ReadingsSettings,
  type Vocabularies,
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
export interface PolicySettings extends ReadingsSettings {
  /** VER-4: MAJOR.MINOR[.PATCH]. */
  prompt_versions: readonly string[];
  prompt_patch_drift: boolean;
  /** Which registered versions are taken, and how they stand; left out: all, as registered. */
  schema_versions?: Readonly<Record<string, VersionStatus>>;
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
  const faults: PolicyFault[] = [];
  const report = reportTo(faults);
  const { limits: limitOverrides, ...rest } = overrides;
  const settings: PolicySettings = {
    ...DEFAULT_POLICY,
    ...rest,
    limits: { ...DEFAULT_POLICY.limits, ...limitOverrides },
  };
  checkNames(settings, report);
  checkLimits(settings.limits, report);
  if (typeof settings.prompt_patch_drift !== 'boolean') report(['prompt_patch_drift'], 'must be true or false');
  const prompts = readPrompts(settings.prompt_versions, report);
  const offered = readOffered(settings.schema_versions, options.registry ?? REGISTERED_VERSIONS, report);
  const readingOf = compileReadings(settings, vocabulariesOf(offered), report);
  if (faults.length > 0) throw new PolicyError(faults);
  const listed_prompts = new Set(prompts.flatMap(spellings));
  const redact = options.redact ?? ((text: string) => text);
  return { settings, limits: settings.limits, offered, prompts, listed_prompts, readingOf, redact };
}

/**
 * A policy as a file holds it: any of the settings by name.
 *
 * @throws PolicyError when it is no object; what its settings are worth is {@link definePolicy}'s to judge.
 */
export function readPolicyDocument(document: unknown): PolicyOverrides {
  if (!isRecord(document)) throw new PolicyError([{ pointer: '', detail: 'must be an object of settings' }]);
  const { limits } = document;
  if (limits !== undefined && !isRecord(limits)) {
    throw new PolicyError([{ pointer: '/limits', detail: 'must be an object of limits' }]);
  }
  return document as PolicyOverrides;
}

/**
 * The same policy, but read as a document says that holds what `ASSAY_REVIEW_POLICY_FILE` does: it stands in place of
 * the policy's own reading, sources included, and what it leaves out is as by default (VAL-15).
 *
 * @throws PolicyError naming every setting that is wrong, and every one that is none of the reading.
 */
export function withReading(policy: Policy, document: unknown): Policy {
  const faults: PolicyFault[] = [];
  const report = reportTo(faults);
  const given = readPolicyDocument(document);
  for (const name of Object.keys(given)) {
    if (!READING_SETTINGS.has(name)) report([name], 'is not a setting of the reading');
  }
  const own: ReadingsSettings = { ...DEFAULT_READING, sources: {}, ...given };
  const readingOf = compileReadings(own, vocabulariesOf(policy.offered), report);
  if (faults.length > 0) throw new PolicyError(faults);
  return { ...policy, settings: { ...policy.settings, ...own }, readingOf };
}

/** The closed vocabularies of the contracts that are taken, each with the words of all of them. */
function vocabulariesOf(offered: readonly OfferedVersion[]): Vocabularies {
  const vocabularies = new Map<string, Set<string>>();
  for (const { name, kind, choices } of offered.flatMap(({ contract }) => contract.fields)) {
    if (kind !== FieldKind.Choice) continue;
    const known = vocabularies.get(name) ?? new Set();
    for (const word of choices) known.add(word);
    vocabularies.set(name, known);
  }
  return vocabularies;
}

function spellings([major, minor, patch]: readonly [number, number, number]): string[] {
  const whole = `${major}.${minor}.${patch}`;
  return patch === 0 ? [whole, `${major}.${minor}`] : [whole];
}

function checkNames(settings: PolicySettings, report: Report): void {
  const known = new Set([...Object.keys(DEFAULT_POLICY), 'schema_versions', 'sources']);
  for (const name of Object.keys(settings)) if (!known.has(name)) report([name], 'is not a policy setting');
}

function checkLimits(limits: Limits, report: Report): void {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_POLICY.limits, name)) report(['limits', name], 'is not a limit');
    else if (!Number.isSafeInteger(value) || value < 1) report(['limits', name], 'must be a whole number above 0');
  }
}

function readPrompts(versions: unknown, report: Report): (readonly [number, number, number])[] {
  if (!Array.isArray(versions) || versions.length === 0) {
    report(['prompt_versions'], 'must be a list of at least one version');
    return [];
  }
  const prompts: (readonly [number, number, number])[] = [];
  for (const [index, version] of (versions as unknown[]).entries()) {
    const parsed = typeof version === 'string' ? parsePromptVersion(version) : null;
    if (parsed === null) {
      report(['prompt_versions', index], `must be MAJOR.MINOR[.PATCH], and is ${JSON.stringify(version)}`);
    } else prompts.push(parsed);
  }
  return prompts;
}

function readOffered(
  standings: PolicySettings['schema_versions'],
  registry: readonly RegisteredVersion[],
  report: Report,
): OfferedVersion[] {
  if (standings !== undefined && !isRecord(standings)) {
    report(['schema_versions'], 'must be an object of versions');
    return [];
  }
  const versions = registry.map(({ version }) => version);
  for (const version of new Set(versions.filter((version, index) => versions.indexOf(version) !== index))) {
    report(null, `contract ${version} is registered already`);
  }
  const wanted = standings ?? Object.fromEntries(registry.map(({ version, standing }) => [version, standing]));
  const offered: OfferedVersion[] = [];
  for (const [version, standing] of Object.entries(wanted)) {
    const registered = registry.find((entry) => entry.version === version);
    const parsed = parseSchemaVersion(version);
    const fault = standingFault(standing);
    if (registered === undefined) report(['schema_versions', version], 'is not registered');
    else if (parsed === null) report(['schema_versions', version], 'is not MAJOR.MINOR');
    else if (fault !== null) report(['schema_versions', version], fault);
    else {
      const contract = compiled(registered, report);
      if (contract !== null) offered.push({ version, major: parsed[0], minor: parsed[1], standing, contract });
    }
  }
  if (offered.length === 0) report(['schema_versions'], 'must offer at least one version');
  return offered.sort((a, b) => a.major - b.major || a.minor - b.minor);
}

function compiled(registered: RegisteredVersion, report: Report): Contract | null {
  try {
    return contractOf(registered);
  } catch (error) {
    report(null, (error as Error).message);
    return null;
  }
}

function standingFault(standing: VersionStatus): string | null {
  const { status, date, sources } = { date: undefined, sources: undefined, ...standing } as Record<string, unknown>;
  if (status === 'current' || status === 'supported') return null;
  if (status === 'sunset') {
    return typeof date === 'string' && isDate(date) ? null : 'needs a date, YYYY-MM-DD, for sunset';
  }
  if (status === 'preview') {
    return Array.isArray(sources) && sources.every((source) => typeof source === 'string')
      ? null
      : 'needs the list of sources that it is a preview for';
  }
  return 'must have the status current, supported, sunset or preview';
}

/** A day that there is, as RFC 3339's full-date. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
