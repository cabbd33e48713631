import type { OfferedVersion, Policy } from '../policy.js';
import type { DiagnosticFacts, Diagnostics } from './diagnostics.js';
import { pointerToken } from './diagnostics.js';
import {
  isAcceptable,
  judgePromptVersion,
  judgeSchemaVersion,
  supportedPromptVersions,
  supportedSchemaVersions,
} from '../versions/judge-versions.js';
import type { ReasonCode } from '../reason-codes.js';
import type { RejectionClass, Scalar, VersionsJudged } from '../verdict.js';
import { isNestedBeyond } from './depth.js';
import { hasOuterWhiteSpace, isLongerThan, preview } from './text.js';

export interface Refusal {
  class: RejectionClass;
  facts: Omit<DiagnosticFacts, 'kind'>;
}

/** What was done to a top-level member. */
export interface TopAct {
  code: ReasonCode;
  field: string;
  to: Scalar;
  /** It was left out. */
  removed?: true;
  cause?: ReasonCode;
}

export interface TopLevel {
  versions: VersionsJudged;
  refusal: Refusal | null;
  offered: OfferedVersion | null;
  exact: boolean;
  acts: TopAct[];
  /** Top-level members that the contract does not know and that are left out. */
  ignored: string[];
  /** As written, or as parsed from the string that they came in (VAL-18). */
  findings: readonly unknown[];
}

/** Judges versions, then the top level (VAL-1, VAL-2, VAL-18, VER-1 to VER-5). Stops at the first refusal. */
export function judgeTopLevel(
  document: Record<string, unknown>,
  policy: Policy,
  source: string | null,
  diagnostics: Diagnostics,
): TopLevel {
  const judged = judgeVersions(document, policy, source);
  judged.refusal ??= judgeMembers(document, policy, policy.readingOf(source).lenient, judged);
  if (judged.refusal === null) report(document, judged, diagnostics);
  return judged;
}

function judgeVersions(document: Record<string, unknown>, policy: Policy, source: string | null): TopLevel {
  const schema_version = versionText(document, 'schema_version', policy);
  const prompt_version = versionText(document, 'prompt_version', policy);
  const schema = schema_version.text === null ? null : judgeSchemaVersion(schema_version.text, policy, source);
  const prompt_verdict = prompt_version.text === null ? null : judgePromptVersion(prompt_version.text, policy);
  const versions: VersionsJudged = {
    schema_version: schema_version.shown,
    read_as: schema?.offered?.version ?? null,
    prompt_version: prompt_version.shown,
    schema_verdict: schema?.verdict ?? schema_version.verdict,
    prompt_verdict: prompt_verdict ?? prompt_version.verdict,
  };
  const offered = schema?.offered ?? null;
  const exact = versions.schema_verdict === 'exact';
  let refusal: Refusal | null = schema_version.refusal;
  if (refusal === null && offered === null) {
    refusal = incompatible('schema_version', document, supportedSchemaVersions(policy, source));
  }
  refusal ??= prompt_version.refusal;
  if (refusal === null && !isAcceptable(prompt_verdict!)) {
    refusal = incompatible('prompt_version', document, supportedPromptVersions(policy));
  }
  const acts: TopAct[] = [];
  for (const [name, { text }] of [
    ['schema_version', schema_version],
    ['prompt_version', prompt_version],
  ] as const) {
    if (text !== null && text !== document[name]) acts.push({ code: 'whitespace_trimmed', field: name, to: text });
  }
  return { versions, refusal, offered, exact, acts, ignored: [], findings: [] };
}

interface VersionText {
  /** Trimmed; null when it is not a string. */
  text: string | null;
  shown: string | null;
  verdict: 'malformed' | null;
  refusal: Refusal | null;
}

function versionText(document: Record<string, unknown>, name: string, policy: Policy): VersionText {
  const value = document[name];
  if (value === undefined) return { text: null, shown: null, verdict: null, refusal: missing(name) };
  if (typeof value !== 'string') {
    return { text: null, shown: null, verdict: 'malformed', refusal: wrongType(name, value, 'a string like "1.0"') };
  }
  const text = hasOuterWhiteSpace(value) ? value.trim() : value;
  // A version is short; whatever is longer is malformed, and not worth redacting in full.
  const shown = text.length <= 16 ? text : preview(text, policy.redact);
  return { text, shown, verdict: null, refusal: null };
}

function judgeMembers(
  document: Record<string, unknown>,
  policy: Policy,
  lenient: boolean,
  judged: TopLevel,
): Refusal | null {
  const findings = findingsOf(document['findings'], lenient, judged);
  if ('class' in findings) return findings;
  judged.findings = findings;
  const optional =
    judgeOptional('summary', document, lenient, judged, (value) => judgeSummary(value, policy, judged)) ??
    judgeOptional('meta', document, lenient, judged, judgeMeta);
  if (optional !== null) return optional;
  const unknown = unknownMembers(document, judged, lenient);
  if (unknown !== null) return unknown;
  if (findings.length > policy.limits.max_findings) {
    return beyond('findings', null, `at most ${policy.limits.max_findings} findings; ${findings.length} came`);
  }
  return tooDeep(document, policy.limits.max_depth);
}

/** The list, or under the lenient reading a string that is the text of one. */
function findingsOf(written: unknown, lenient: boolean, judged: TopLevel): readonly unknown[] | Refusal {
  if (written === undefined) return missing('findings');
  if (Array.isArray(written)) return written;
  const parsed = lenient && typeof written === 'string' ? listIn(written) : null;
  if (parsed === null) return wrongType('findings', written, 'an array');
  judged.acts.push({ code: 'string_parsed', field: 'findings', to: null });
  return parsed;
}

function listIn(text: string): unknown[] | null {
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** An optional member that cannot be used rejects the response; under the lenient reading it is left out (VAL-18). */
function judgeOptional(
  field: string,
  document: Record<string, unknown>,
  lenient: boolean,
  judged: TopLevel,
  judge: (value: unknown) => Refusal | null,
): Refusal | null {
  const value = document[field];
  if (value === undefined) return null;
  if (lenient && value === null) {
    judged.acts.push({ code: 'null_removed', field, to: null, removed: true });
    return null;
  }
  const refusal = judge(value);
  if (refusal === null || !lenient) return refusal;
  const { code } = refusal.facts;
  judged.acts.push({ code: 'optional_field_removed', field, to: null, removed: true, cause: code });
  return null;
}

function judgeSummary(summary: unknown, policy: Policy, judged: TopLevel): Refusal | null {
  if (typeof summary !== 'string') return wrongType('summary', summary, 'a string');
  const text = hasOuterWhiteSpace(summary) ? summary.trim() : summary;
  const { max_summary_bytes } = policy.limits;
  if (isLongerThan(text, max_summary_bytes)) return beyond('summary', text, `at most ${max_summary_bytes} bytes`);
  if (text !== summary) judged.acts.push({ code: 'whitespace_trimmed', field: 'summary', to: text });
  return null;
}

function judgeMeta(meta: unknown): Refusal | null {
  const isObject = typeof meta === 'object' && meta !== null && !Array.isArray(meta);
  return isObject ? null : wrongType('meta', meta, 'an object');
}

function unknownMembers(document: Record<string, unknown>, judged: TopLevel, lenient: boolean): Refusal | null {
  const { top_level, version } = judged.offered!.contract;
  for (const name in document) {
    if (top_level.has(name)) continue;
    if (judged.exact && !lenient) {
      const expected = `only the fields of contract ${version}: ${[...top_level].join(', ')}`;
      const pointer = `/${pointerToken(name)}`;
      const facts = { code: 'schema_mismatch' as const, field: name, pointer, from: document[name], expected };
      return { class: 'SCHEMA_INVALID', facts };
    }
    judged.ignored.push(name);
  }
  return null;
}

/** Every member but `findings`, each of which is looked at when it is judged. */
function tooDeep(document: Record<string, unknown>, max_depth: number): Refusal | null {
  for (const name in document) {
    const value = document[name];
    if (name === 'findings' || typeof value !== 'object' || !isNestedBeyond(value, 2, max_depth)) continue;
    return nestedTooDeep(name, `/${pointerToken(name)}`, max_depth);
  }
  return null;
}

export function nestedTooDeep(field: string | null, pointer: string, max_depth: number): Refusal {
  return {
    class: 'LIMIT_EXCEEDED',
    facts: { code: 'limit_exceeded', field, pointer, expected: `at most ${max_depth} levels of nesting` },
  };
}

function report(document: Record<string, unknown>, judged: TopLevel, diagnostics: Diagnostics): void {
  for (const { code, field, to, cause } of judged.acts) {
    const pointer = `/${field}`;
    const expected = code === 'string_parsed' ? 'an array; pointers into /findings run through the string' : null;
    // The text of all findings says nothing here, and may be megabytes.
    const from = code === 'string_parsed' ? null : document[field];
    diagnostics.add({ code, kind: 'coercion', field, pointer, from, to, expected, ...(cause && { cause }) });
  }
  for (const field of judged.ignored) {
    const pointer = `/${pointerToken(field)}`;
    const expected = `a field of contract ${judged.offered!.version}`;
    diagnostics.add({
      code: 'unknown_field_ignored',
      kind: 'warning',
      field,
      pointer,
      from: document[field],
      expected,
    });
  }
}

function missing(field: string): Refusal {
  return {
    class: 'SCHEMA_INVALID',
    facts: { code: 'missing_required_field', field, pointer: '', expected: `the field ${field}` },
  };
}

function wrongType(field: string, from: unknown, expected: string): Refusal {
  return { class: 'SCHEMA_INVALID', facts: { code: 'invalid_type', field, pointer: `/${field}`, from, expected } };
}

function beyond(field: string, from: unknown, expected: string): Refusal {
  return { class: 'LIMIT_EXCEEDED', facts: { code: 'limit_exceeded', field, pointer: `/${field}`, from, expected } };
}

function incompatible(field: string, document: Record<string, unknown>, expected: string): Refusal {
  return {
    class: 'INCOMPATIBLE_VERSION',
    facts: { code: 'incompatible_version', field, pointer: `/${field}`, from: document[field], expected },
  };
}
