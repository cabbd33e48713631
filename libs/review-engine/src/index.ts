export {
  REGISTERED_VERSIONS,
  publishedSchema,
  type RegisteredVersion,
  type VersionStatus,
} from './contract/registry.js';
export type { ReviewInput } from './engine/parse.js';
export { isLargerThan } from './engine/result-size.js';
export { denySubmission, validateReview } from './engine/validate-review.js';
export * from './paths/index.js';
export {
  DEFAULT_POLICY,
  definePolicy,
  readPolicyDocument,
  withReading,
  type Limits,
  type Policy,
  type PolicyOverrides,
  type PolicySettings,
} from './policy.js';
export { PolicyError, policyFaultText, type PolicyFault } from './policy-fault.js';
export { placeOf, SUB_REASONS, type SubReason } from './repair/index.js';
export { READINGS, TRUNCATED, type Aliases, type ReadingName, type ReadingSettings } from './reading.js';
export {
  DIAGNOSTIC_KINDS,
  REASON_CODES,
  REASON_CODES_VERSION,
  reasonCodesDocument,
  type DiagnosticKind,
  type ReasonCode,
  type ReasonCodeEntry,
  type ReasonCodesDocument,
} from './reason-codes.js';
export * from './submission/index.js';
export * from './verdict.js';
export { compatibility, type Compatibility } from './versions/compatibility.js';
export { parsePromptVersion, parseSchemaVersion } from './versions/version.js';
