import type { Contract } from '../contract/contract.js';
import { normalizePath, type ChangedFiles } from '../paths/index.js';
import type { Policy } from '../policy.js';
import type { KeptFinding, KeptResult, Verdict, VersionsJudged } from '../verdict.js';
import { isCleanFinding } from './clean-finding.js';
import { Diagnostics, pointerToken } from './diagnostics.js';
import { judgeFinding, type Coercion, type DropReason } from './judge-finding.js';
import { judgeTopLevel, nestedTooDeep, type Refusal, type TopLevel } from './judge-top-level.js';
import { parseReview, type ReviewInput } from './parse.js';
import { isLargerThan } from './result-size.js';
import { TakenIds } from './taken-ids.js';

const NOTHING_READ: VersionsJudged = {
  schema_version: null,
  read_as: null,
  prompt_version: null,
  schema_verdict: null,
  prompt_verdict: null,
};

/**
 * Judges a review result (VAL-1 to VAL-12): parse, versions and top level, each finding, files. A pure function of its
 * arguments that never throws, in time linear in the input. What did not change comes back as the very object that was
 * parsed; a result in which nothing changed is the parsed document itself.
 *
 * @param source the submission's source: a preview version is exact for its own sources only (VER-8).
 */
export function validateReview(
  input: ReviewInput,
  files: ChangedFiles,
  policy: Policy,
  source: string | null = null,
): Verdict {
  const diagnostics = new Diagnostics(policy.limits.max_diagnostics, policy.redact);
  const { max_result_bytes } = policy.limits;
  if (isLargerThan(input, max_result_bytes)) {
    const facts = {
      code: 'limit_exceeded' as const,
      pointer: '',
      expected: `at most ${max_result_bytes} bytes in all`,
    };
    return rejected({ class: 'LIMIT_EXCEEDED', facts }, NOTHING_READ, policy);
  }
  const parsed = parseReview(input);
  if (parsed.kind === 'not_json') {
    const facts = { code: 'invalid_json' as const, expected: parsed.reason };
    return rejected({ class: 'INVALID_JSON', facts }, NOTHING_READ, policy);
  }
  const document = parsed.value;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    const facts = { code: 'invalid_type' as const, pointer: '', from: document, expected: 'an object' };
    return rejected({ class: 'SCHEMA_INVALID', facts }, NOTHING_READ, policy);
  }
  const written = document as Record<string, unknown>;
  const top = judgeTopLevel(written, policy, source, diagnostics);
  if (top.refusal !== null) return rejected(top.refusal, top.versions, policy);
  const pass = new FindingsPass(top.offered!.contract, top.exact, files, policy, diagnostics);
  const refusal = pass.judge(written['findings'] as unknown[]);
  if (refusal !== null) return rejected(refusal, top.versions, policy);
  return accepted(written, top, pass, diagnostics);
}

/** The verdict on a submission with changed files that the allow-list denies (VAL-7). Its review result is not judged. */
export function denySubmission(denied: readonly string[], policy: Policy): Verdict {
  const diagnostics = new Diagnostics(policy.limits.max_diagnostics, policy.redact);
  for (const file of denied) {
    const expected = 'a changed file that the depot allow-list admits';
    diagnostics.add({
      code: 'path_not_allowed',
      kind: 'rejection',
      field: 'changed_files',
      from: file,
      file,
      expected,
    });
  }
  return {
    ...rejected({ class: 'POLICY_DENIED', facts: { code: 'path_not_allowed' } }, NOTHING_READ, policy),
    counts: { submitted: 0, kept: 0, dropped: 0, coerced: 0, by_code: diagnostics.by_code },
    diagnostics: diagnostics.kept,
  };
}

function rejected(refusal: Refusal, versions: VersionsJudged, policy: Policy): Verdict {
  // Only the refusal is told: what was seen before it belongs to a response that is not read.
  const diagnostics = new Diagnostics(1, policy.redact);
  diagnostics.add({ ...refusal.facts, kind: 'rejection' });
  return {
    outcome: 'rejected',
    versions,
    rejection: { class: refusal.class, code: refusal.facts.code },
    result: null,
    counts: { submitted: 0, kept: 0, dropped: 0, coerced: 0, by_code: diagnostics.by_code },
    diagnostics: diagnostics.kept,
    unchanged: false,
  };
}

function accepted(
  written: Record<string, unknown>,
  top: TopLevel,
  pass: FindingsPass,
  diagnostics: Diagnostics,
): Verdict {
  const findings = written['findings'] as unknown[];
  const kept = pass.kept ?? (findings as KeptFinding[]);
  if (findings.length > 0 && kept.length === 0) {
    diagnostics.addAlways({ code: 'all_findings_dropped', kind: 'warning', field: 'findings', pointer: '/findings' });
  }
  const unchanged = pass.kept === null && top.coerced === null && top.ignored.length === 0;
  return {
    outcome: 'accepted',
    versions: top.versions,
    rejection: null,
    result: unchanged ? (written as unknown as KeptResult) : rebuilt(written, top, kept),
    counts: {
      submitted: findings.length,
      kept: kept.length,
      dropped: findings.length - kept.length,
      coerced: pass.coerced,
      by_code: diagnostics.by_code,
    },
    diagnostics: diagnostics.kept,
    unchanged,
  };
}

function rebuilt(written: Record<string, unknown>, top: TopLevel, findings: KeptFinding[]): KeptResult {
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(written)) {
    if (!top.offered!.contract.top_level.has(name)) continue;
    result[name] = name === 'findings' ? findings : (top.coerced?.get(name) ?? written[name]);
  }
  return result as unknown as KeptResult;
}

/** One pass over the findings. `kept` stays null, and nothing is copied, until the first finding that changes. */
class FindingsPass {
  kept: KeptFinding[] | null = null;
  coerced = 0;
  private readonly ids = new TakenIds();

  constructor(
    private readonly contract: Contract,
    private readonly exact: boolean,
    private readonly files: ChangedFiles,
    private readonly policy: Policy,
    private readonly diagnostics: Diagnostics,
  ) {}

  judge(findings: readonly unknown[]): Refusal | null {
    const { contract, ids, files } = this;
    const { limits } = this.policy;
    for (let index = 0; index < findings.length; index++) {
      const value = findings[index];
      if (isObject(value) && isCleanFinding(value, contract, limits)) {
        const { id, file } = value as KeptFinding;
        if (files.match(file) === file && ids.take(id)) {
          this.kept?.push(value as KeptFinding);
          continue;
        }
      }
      const refusal = this.judgeOdd(findings, index);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** A finding that has to be changed, explained or dropped. */
  private judgeOdd(findings: readonly unknown[], index: number): Refusal | null {
    const value = findings[index];
    const { limits } = this.policy;
    const judged = judgeFinding(value, this.contract, limits, this.exact);
    if (judged.kind === 'too_deep') return nestedTooDeep('findings', `/findings/${index}`, limits.max_depth);
    // Everything before this one came through as it was, or `kept` would be there already.
    this.kept ??= findings.slice(0, index) as KeptFinding[];
    if (judged.kind === 'drop') {
      this.diagnostics.addDrop(judged.reason, index, value);
      return null;
    }
    this.reconcile(value as Record<string, unknown>, index, judged);
    return null;
  }

  /** Duplicates, then files (VAL-4, VAL-6): what needs the other findings and the change. */
  private reconcile(
    written: Record<string, unknown>,
    index: number,
    judged: { finding: KeptFinding; coercions: Coercion[]; ignored: string[] },
  ): void {
    const { coercions } = judged;
    let { finding } = judged;
    if (!this.ids.take(finding.id)) {
      this.diagnostics.addDrop(duplicate(finding.id), index, written);
      return;
    }
    const normalized = normalizePath(finding.file);
    const file = normalized === null ? null : this.files.match(normalized);
    if (file === null) {
      this.diagnostics.addDrop(unknownFile(finding.file), index, written);
      return;
    }
    if (file !== finding.file) {
      coercions.push({ code: 'path_normalized', field: 'file', from: finding.file, to: file });
      finding = { ...finding, file };
    }
    if (coercions.length > 0) this.coerced++;
    this.kept!.push(finding);
    this.explain(written, index, finding, coercions, judged.ignored);
  }

  private explain(
    written: Record<string, unknown>,
    finding_index: number,
    finding: KeptFinding,
    coercions: readonly Coercion[],
    ignored: readonly string[],
  ): void {
    for (const coercion of coercions) this.diagnostics.addCoercion(coercion, finding_index, finding);
    const { id: finding_id, file, line } = finding;
    for (const field of ignored) {
      const pointer = `/findings/${finding_index}/${pointerToken(field)}`;
      const expected = `a field of contract ${this.contract.version}`;
      const facts = { finding_id, finding_index, file, line, field, pointer, from: written[field], expected };
      this.diagnostics.add({ code: 'unknown_field_ignored', kind: 'warning', ...facts });
    }
  }
}

function duplicate(id: string): DropReason {
  return { code: 'duplicate_finding_id', field: 'id', present: true, from: id, expected: 'an id of its own' };
}

function unknownFile(file: string): DropReason {
  const expected = 'one of the changed files';
  return { code: 'file_not_in_changed_files', field: 'file', present: true, from: file, expected };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
