import type { ReadingName } from './reading.js';
import type { DiagnosticKind, ReasonCode } from './reason-codes.js';
import type { Explanation } from './repair/index.js';

export const VERSION_VERDICTS = [
  'exact',
  'compatible_minor',
  'compatible_patch',
  'incompatible_major',
  'incompatible_minor',
  'malformed',
] as const;
export type VersionVerdict = (typeof VERSION_VERDICTS)[number];

/** What became of the versions (VER-1 to VER-5). */
export interface VersionsJudged {
  /** As received (trimmed, cut at 256 characters); null where there was none that is a string. */
  schema_version: string | null;
  /** The registered version it was read as (VER-3); null when it was refused. */
  read_as: string | null;
  prompt_version: string | null;
  /** Null where the field is missing or nothing could be read at all. */
  schema_verdict: VersionVerdict | null;
  prompt_verdict: VersionVerdict | null;
}

export type Scalar = string | number | boolean | null;

/** One coercion, drop, rejection or warning. Absent members are null. Texts from outside are redacted and cut at 256. */
export interface Diagnostic {
  code: ReasonCode;
  kind: DiagnosticKind;
  finding_id: string | null;
  /** Position in the submitted `findings`, from 0. */
  finding_index: number | null;
  field: string | null;
  /** JSON Pointer (RFC 6901) into the document as submitted: the value meant, or what should have held it. */
  pointer: string | null;
  /** As written; null for an object or an array. */
  from: Scalar;
  /** What a coercion made of it. */
  to: Scalar;
  file: string | null;
  line: number | null;
  /** For people: what would have been right. */
  expected: string | null;
  /** A repair's place in the raw output: bytes from its start. */
  offset?: number;
  /** Of `optional_field_removed`: the code that the field would have had. */
  cause?: ReasonCode;
  /** The pointer runs through this string, whose text was parsed (VAL-18). */
  through?: '/findings';
}

export const REJECTION_CLASSES = [
  'INVALID_JSON',
  'SCHEMA_INVALID',
  'INCOMPATIBLE_VERSION',
  'LIMIT_EXCEEDED',
  'POLICY_DENIED',
] as const;
export type RejectionClass = (typeof REJECTION_CLASSES)[number];

export interface Rejection {
  class: RejectionClass;
  code: ReasonCode;
}

/** A finding as kept: the contract's canonical form. */
export interface KeptFinding {
  id: string;
  severity: string;
  category: string;
  title: string;
  file: string;
  line: number;
  message: string;
  end_line?: number;
  suggestion?: string;
  confidence?: string;
  rule_id?: string;
  [field: string]: unknown;
}

export interface KeptResult {
  schema_version: string;
  prompt_version: string;
  findings: KeptFinding[];
  summary?: string;
  meta?: Record<string, unknown>;
}

export interface VerdictCounts {
  /** Findings; all zero when the response was rejected. `kept + dropped = submitted`. */
  submitted: number;
  kept: number;
  dropped: number;
  /** Kept findings in which something was coerced. */
  coerced: number;
  /** Every diagnostic, those beyond the limit of kept ones too (VAL-10). */
  by_code: Partial<Record<ReasonCode, number>>;
}

export type { Explanation } from './repair/index.js';

/** The engine's answer (VAL-11). */
export interface Verdict {
  outcome: 'accepted' | 'rejected';
  versions: VersionsJudged;
  rejection: Rejection | null;
  /** How it was read (VAL-15). */
  reading: ReadingName;
  /** Why it was rejected, or where an answer was cut off of which a part was kept (VAL-17); null otherwise. */
  explanation: Explanation | null;
  /** The answer was cut off: the result is what of it had come whole (VAL-16). */
  truncated: boolean;
  /** Ids of kept findings that name no line and stand at line 1: claims about the whole file (VAL-18). */
  lines_defaulted: string[];
  /** Null when rejected. The parsed document itself when nothing in it changed. */
  result: KeptResult | null;
  counts: VerdictCounts;
  /** The first `max_diagnostics`, in document order. */
  diagnostics: Diagnostic[];
  /** The result is the document as submitted, to the value: its bytes may go on as they came. */
  unchanged: boolean;
}
