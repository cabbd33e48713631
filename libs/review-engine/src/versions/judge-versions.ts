import type { OfferedVersion, Policy } from '../policy.js';
import type { VersionVerdict } from '../verdict.js';
import { parsePromptVersion, parseSchemaVersion } from './version.js';

export interface SchemaVersionJudged {
  verdict: VersionVerdict;
  /** What it is read with; null when it is refused. */
  offered: OfferedVersion | null;
}

/**
 * Judges a `schema_version` (VER-2, VER-8): an offered version is exact; an unknown minor above an offered one of its
 * major is read with the newest offered below it. A preview is offered to its own sources only, so that for all others
 * it is just a minor that is not known yet.
 */
export function judgeSchemaVersion(received: string, policy: Policy, source: string | null): SchemaVersionJudged {
  for (const version of policy.offered) {
    if (version.version === received && isOfferedTo(version, source)) return { verdict: 'exact', offered: version };
  }
  const parsed = parseSchemaVersion(received);
  if (parsed === null) return { verdict: 'malformed', offered: null };
  const [major, minor] = parsed;
  let below: OfferedVersion | null = null;
  let majorKnown = false;
  for (const version of policy.offered) {
    if (version.major !== major || !isOfferedTo(version, source)) continue;
    majorKnown = true;
    if (version.minor < minor) below = version;
  }
  if (below !== null) return { verdict: 'compatible_minor', offered: below };
  return { verdict: majorKnown ? 'incompatible_minor' : 'incompatible_major', offered: null };
}

/** Judges a `prompt_version` (VER-4). One that is not listed is named by the first segment that no listed one has. */
export function judgePromptVersion(received: string, policy: Policy): VersionVerdict {
  if (policy.listed_prompts.has(received)) return 'exact';
  const parsed = parsePromptVersion(received);
  if (parsed === null) return 'malformed';
  const [major, minor] = parsed;
  const sameMajor = policy.prompts.filter((prompt) => prompt[0] === major);
  if (sameMajor.length === 0) return 'incompatible_major';
  const sameMinor = sameMajor.filter((prompt) => prompt[1] === minor);
  return sameMinor.length > 0 && policy.settings.prompt_patch_drift ? 'compatible_patch' : 'incompatible_minor';
}

export function isAcceptable(verdict: VersionVerdict): boolean {
  return verdict === 'exact' || verdict === 'compatible_minor' || verdict === 'compatible_patch';
}

/** For people: the schema versions that a source may write (VER-5). */
export function supportedSchemaVersions(policy: Policy, source: string | null): string {
  const versions = policy.offered.filter((version) => isOfferedTo(version, source)).map(({ version }) => version);
  return `${versions.join(', ')} (and newer minors of the same major)`;
}

/** For people: the prompt versions that are listed (VER-5). */
export function supportedPromptVersions(policy: Policy): string {
  const listed = policy.prompts.map((prompt) => prompt.join('.')).join(', ');
  return policy.settings.prompt_patch_drift ? `${listed} (and any patch of these)` : listed;
}

function isOfferedTo({ standing }: OfferedVersion, source: string | null): boolean {
  return standing.status !== 'preview' || (source !== null && standing.sources.includes(source));
}
