import type { VersionStatus } from '../contract/registry.js';
import type { Policy } from '../policy.js';
import { readingSettings, type ReadingSettings } from '../reading.js';
import type { VersionVerdict } from '../verdict.js';
import { isAcceptable, judgePromptVersion, judgeSchemaVersion } from './judge-versions.js';

export interface Compatibility {
  schema_versions: ({ version: string } & VersionStatus)[];
  prompt_versions: readonly string[];
  prompt_patch_drift: boolean;
  /** How the caller's results are read (VAL-15). */
  reading: ReadingSettings;
  /** What the versions asked about would get; null when none was asked. */
  preflight: {
    schema_version: string | null;
    schema_verdict: VersionVerdict | null;
    read_as: string | null;
    prompt_version: string | null;
    prompt_verdict: VersionVerdict | null;
    /** Neither of those asked about would be refused. */
    acceptable: boolean;
  } | null;
}

/** Registered versions, how each stands, the policy, and a preflight for upstream (VER-6). */
export function compatibility(
  policy: Policy,
  asked: { schema_version?: string; prompt_version?: string } = {},
  source: string | null = null,
): Compatibility {
  const { schema_version = null, prompt_version = null } = asked;
  const schema = schema_version === null ? null : judgeSchemaVersion(schema_version.trim(), policy, source);
  const prompt_verdict = prompt_version === null ? null : judgePromptVersion(prompt_version.trim(), policy);
  const nothingAsked = schema === null && prompt_verdict === null;
  return {
    schema_versions: policy.offered.map(({ version, standing }) => ({ version, ...standing })),
    prompt_versions: policy.prompts.map((prompt) => prompt.join('.')),
    prompt_patch_drift: policy.settings.prompt_patch_drift,
    reading: readingSettings(policy.readingOf(source)),
    preflight: nothingAsked
      ? null
      : {
          schema_version,
          schema_verdict: schema?.verdict ?? null,
          read_as: schema?.offered?.version ?? null,
          prompt_version,
          prompt_verdict,
          acceptable:
            (schema === null || isAcceptable(schema.verdict)) &&
            (prompt_verdict === null || isAcceptable(prompt_verdict)),
        },
  };
}
