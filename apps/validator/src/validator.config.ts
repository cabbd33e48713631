import { KAFKA_SETTINGS, kafkaAccessFaults } from '@assay/messaging';
import { POSTGRES_SETTINGS } from '@assay/postgres';
import { DEFAULT_POLICY, definePolicy, readAllowListFile, withReading } from '@assay/review-engine';
import type { Policy, PolicyOverrides, VersionStatus } from '@assay/review-engine';
import { redact } from '@assay/security';
import { defineSettings, document, flag, HTTP_SETTINGS, integer, list } from '@assay/service';
import type { Values } from '@assay/service';
import { WORK_QUEUE_SETTINGS } from '@assay/work-queue';

const { limits } = DEFAULT_POLICY;

const PROMPT_VERSIONS = list({
  env: 'ASSAY_PROMPT_VERSIONS',
  doc: 'The prompt versions that are taken, MAJOR.MINOR[.PATCH], comma-separated (VER-4).',
  default: [...DEFAULT_POLICY.prompt_versions],
});

/** Members of the policy of which each is a setting (VER-4, VAL-10). */
export const POLICY_SETTINGS = {
  prompt_versions: { ...PROMPT_VERSIONS, parse: readPromptVersions },
  prompt_patch_drift: flag({
    env: 'ASSAY_PROMPT_PATCH_DRIFT',
    doc: 'Whether any patch of a listed prompt version is taken (VER-4).',
    default: DEFAULT_POLICY.prompt_patch_drift,
  }),
  schema_versions: document({
    env: 'ASSAY_SCHEMA_VERSIONS_FILE',
    doc: 'Which contract versions are offered and how each stands: `{"1.0": {"status": "sunset", "date": "2027-06-30"}, "1.1": {"status": "preview", "sources": ["…"]}}` (VER-6, VER-8). Without it all, as registered.',
    default: null,
    read: readSchemaVersions,
  }),
  reading: document({
    env: 'ASSAY_REVIEW_POLICY_FILE',
    doc: 'How review results are read, for all and by source: `{"reading": "lenient", "truncated": "reject", "aliases": {"severity": {"blocker": "critical"}}, "sources": {"…": {"reading": "strict"}}}` (VAL-15, VAL-16, VAL-18). Without it leniently, with the aliases of the catalogue.',
    default: null,
    read: readReading,
  }),
  max_result_bytes: integer({
    env: 'ASSAY_REVIEW_RESULT_LIMIT_BYTES',
    doc: 'A larger review result is rejected, in a dry run refused with 413 (VAL-10). The same as of ingest, which refuses it before it becomes a job.',
    default: limits.max_result_bytes,
    min: 1024,
    max: 64 * 1024 * 1024,
  }),
  max_findings: integer({
    env: 'ASSAY_MAX_FINDINGS',
    doc: 'A review result with more findings is rejected (VAL-10).',
    default: limits.max_findings,
    min: 1,
  }),
  max_depth: integer({
    env: 'ASSAY_MAX_DEPTH',
    doc: 'A review result that is nested deeper is rejected (VAL-10).',
    default: limits.max_depth,
    min: 4,
  }),
  max_message_bytes: integer({
    env: 'ASSAY_MAX_MESSAGE_BYTES',
    doc: 'A finding with a longer message or suggestion is dropped (VAL-10).',
    default: limits.max_message_bytes,
    min: 1,
  }),
  max_summary_bytes: integer({
    env: 'ASSAY_MAX_SUMMARY_BYTES',
    doc: 'A longer summary is left out, and under the strict reading rejects the review result (VAL-10).',
    default: limits.max_summary_bytes,
    min: 1,
  }),
  max_string_bytes: integer({
    env: 'ASSAY_MAX_STRING_BYTES',
    doc: 'A finding with a longer string of any other kind is dropped (VAL-10).',
    default: limits.max_string_bytes,
    min: 1,
  }),
  max_diagnostics: integer({
    env: 'ASSAY_MAX_DIAGNOSTICS',
    doc: 'Diagnostics kept of one job; the counts stay true above it (VAL-10).',
    default: limits.max_diagnostics,
    min: 1,
  }),
};

const OWN_SETTINGS = {
  allow_list: document({
    env: 'ASSAY_DEPOT_ALLOW_LIST_FILE',
    doc: 'Which depot paths may be reviewed: `{"changed_by": "…", "entries": ["//depot/project/...", …]}` (SEC-1). The same file as of ingest: reviews and dry runs are judged by it, and a dry run tells its hash.',
    read: readAllowListFile,
  }),
  ...POLICY_SETTINGS,
  validate_slots: integer({
    env: 'ASSAY_VALIDATE_SLOTS',
    doc: 'Reviews that one replica holds at once.',
    default: 500,
    min: 1,
  }),
  validate_batch: integer({
    env: 'ASSAY_VALIDATE_BATCH',
    doc: 'Reviews that one claim takes at most.',
    default: 100,
    min: 1,
  }),
};

export const VALIDATOR_SETTINGS = defineSettings(
  {
    ...HTTP_SETTINGS,
    ...POSTGRES_SETTINGS,
    ...KAFKA_SETTINGS,
    ...WORK_QUEUE_SETTINGS,
    ...OWN_SETTINGS,
  },
  kafkaAccessFaults,
);

/** The part that the validator's own classes read. */
export type ValidatorConfig = Values<typeof OWN_SETTINGS>;
export const VALIDATOR_CONFIG = Symbol('ValidatorConfig');
/** The compiled {@link Policy} of this process. */
export const POLICY = Symbol('Policy');

/** The policy that the settings describe; diagnostics pass the one redactor (SEC-4). */
export function policyOf(settings: Values<typeof POLICY_SETTINGS>): Policy {
  const { prompt_versions, prompt_patch_drift, schema_versions, reading } = settings;
  const { max_result_bytes, max_findings, max_depth } = settings;
  const { max_message_bytes, max_summary_bytes, max_string_bytes, max_diagnostics } = settings;
  return definePolicy(
    {
      prompt_versions,
      prompt_patch_drift,
      ...(schema_versions === null ? {} : { schema_versions }),
      ...reading,
      limits: {
        ...{ max_result_bytes, max_findings, max_depth },
        ...{ max_message_bytes, max_summary_bytes, max_string_bytes, max_diagnostics },
      },
    },
    { redact: redactDiagnostic },
  );
}

/** Addresses stay: a diagnostic goes back to who wrote the text, and a path or a package may look like one. */
function redactDiagnostic(text: string): string {
  return redact(text, { emails: false });
}

/** Judged at start like every setting. */
function readPromptVersions(text: string, env: NodeJS.ProcessEnv): string[] {
  const prompt_versions = PROMPT_VERSIONS.parse(text, env);
  definePolicy({ prompt_versions });
  return prompt_versions;
}

/** Judged at start like every setting: a policy that cannot be compiled stops it with its faults. */
function readSchemaVersions(text: string): Record<string, VersionStatus> {
  const schema_versions = JSON.parse(text) as Record<string, VersionStatus>;
  definePolicy({ schema_versions });
  return schema_versions;
}

/** Judged at start like every setting. The file holds settings of the reading alone: the others have one of their own. */
function readReading(text: string): PolicyOverrides {
  const reading = JSON.parse(text) as PolicyOverrides;
  withReading(definePolicy(), reading);
  return reading;
}
