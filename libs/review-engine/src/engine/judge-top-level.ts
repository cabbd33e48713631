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
import type { RejectionClass, VersionsJudged } from '../verdict.js';
import { isNestedBeyond } from './depth.js';
import { hasOuterWhiteSpace, isLongerThan, preview } from './text.js';

export interface Refusal {
  class: RejectionClass;
  facts: Omit<DiagnosticFacts, 'kind'>;
}

export interface TopLevel {
  versions: VersionsJudged;
  refusal: Refusal | null;
  offered: OfferedVersion | null;
  exact: boolean;
  /** Top-level members whose value was coerced. */
  coerced: Map<string, string> | null;
  /** Top-level members that are left out under `compatible_minor`. */
  ignored: string[];
}

/** Judges versions, then the top level (VAL-1, VAL-2, VER-1 to VER-5). Stops at the first refusal. */
export function judgeTopLevel(
  document: Record<string, unknown>,
  policy: Policy,
  source: string | null,
  diagnostics: Diagnostics,
): TopLevel {
  const judged = judgeVersions(document, policy, source);
  judged.refusal ??= judgeMembers(document, policy, judged);
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
  let coerced: Map<string, string> | null = null;
  for (const [name, { text }] of [
    ['schema_version', schema_version],
    ['prompt_version', prompt_version],
  ] as const) {
    if (text !== null && text !== document[name]) (coerced ??= new Map()).set(name, text);
  }
  return { versions, refusal, offered, exact, coerced, ignored: [] };
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

function judgeMembers(document: Record<string, unknown>, policy: Policy, judged: TopLevel): Refusal | null {
  const { findings, summary, meta } = document;
  if (findings === undefined) return missing('findings');
  if (!Array.isArray(findings)) return wrongType('findings', findings, 'an array');
  if (summary !== undefined) {
    if (typeof summary !== 'string') return wrongType('summary', summary, 'a string');
    const text = hasOuterWhiteSpace(summary) ? summary.trim() : summary;
    const { max_string_bytes } = policy.limits;
    if (isLongerThan(text, max_string_bytes)) return beyond('summary', text, `at most ${max_string_bytes} bytes`);
    if (text !== summary) (judged.coerced ??= new Map()).set('summary', text);
  }
  if (meta !== undefined && (typeof meta !== 'object' || meta === null || Array.isArray(meta))) {
    return wrongType('meta', meta, 'an object');
  }
  const unknown = unknownMembers(document, judged);
  if (unknown !== null) return unknown;
  if (findings.length > policy.limits.max_findings) {
    return beyond('findings', null, `at most ${policy.limits.max_findings} findings; ${findings.length} came`);
  }
  return tooDeep(document, policy.limits.max_depth);
}

function unknownMembers(document: Record<string, unknown>, judged: TopLevel): Refusal | null {
  const { top_level, version } = judged.offered!.contract;
  for (const name in document) {
    if (top_level.has(name)) continue;
    if (judged.exact) {
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
  for (const [field, to] of judged.coerced ?? []) {
    const from = document[field];
    diagnostics.add({ code: 'whitespace_trimmed', kind: 'coercion', field, pointer: `/${field}`, from, to });
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
