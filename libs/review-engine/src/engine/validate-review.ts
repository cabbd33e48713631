import type { ChangedFiles } from '../paths/index.js';
import type { Policy } from '../policy.js';
import type { ReadingName } from '../reading.js';
import type { KeptFinding, KeptResult, Verdict, VersionsJudged } from '../verdict.js';
import { ByteOffsets, type Explanation } from '../repair/index.js';
import { Diagnostics } from './diagnostics.js';
import { explainRefusal } from './explain-refusal.js';
import { FindingsPass } from './findings-pass.js';
import { judgeTopLevel, type Refusal, type TopLevel } from './judge-top-level.js';
import { parseReview, type Parsed, type ReviewInput } from './parse.js';
import { isLargerThan } from './result-size.js';

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
  const reading = policy.readingOf(source);
  const reject = (refusal: Refusal, versions: VersionsJudged, explanation: Explanation): Verdict =>
    rejected(refusal, versions, policy, { reading: reading.name, explanation });
  const explained = (refusal: Refusal, parsed: ParsedJson | null) => explainRefusal(refusal, parsed, policy, source);
  const { max_result_bytes } = policy.limits;
  if (isLargerThan(input, max_result_bytes)) {
    const refusal = tooLarge(max_result_bytes);
    return reject(refusal, NOTHING_READ, explained(refusal, null));
  }
  const parsed = parseReview(input, reading);
  if (parsed.kind === 'not_json') {
    const facts = { code: 'invalid_json' as const, expected: parsed.explanation.expected };
    return reject({ class: 'INVALID_JSON', facts }, NOTHING_READ, parsed.explanation);
  }
  const document = parsed.value;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    const facts = { code: 'invalid_type' as const, pointer: '', from: document, expected: 'an object' };
    const refusal: Refusal = { class: 'SCHEMA_INVALID', facts };
    return reject(refusal, NOTHING_READ, explained(refusal, parsed));
  }
  const diagnostics = new Diagnostics(policy.limits.max_diagnostics, policy.redact);
  reportRepairs(parsed, diagnostics);
  const written = document as Record<string, unknown>;
  const top = judgeTopLevel(written, policy, source, diagnostics);
  if (top.refusal !== null) return reject(top.refusal, top.versions, explained(top.refusal, parsed));
  diagnostics.through_string = top.findings !== written['findings'];
  const terms = { contract: top.offered!.contract, limits: policy.limits, exact: top.exact, reading };
  const pass = new FindingsPass(top.findings, terms, files, diagnostics);
  const refusal = pass.judge();
  if (refusal !== null) return reject(refusal, top.versions, explained(refusal, parsed));
  return accepted(written, { top, pass, parsed, reading: reading.name }, diagnostics);
}

type ParsedJson = Extract<Parsed, { kind: 'json' }>;

function tooLarge(max_result_bytes: number): Refusal {
  const expected = `at most ${max_result_bytes} bytes in all`;
  return { class: 'LIMIT_EXCEEDED', facts: { code: 'limit_exceeded', pointer: '', expected } };
}

/** VAL-16: each edit with its place in what came, and that an answer is not whole. */
function reportRepairs({ edits, text, truncated }: ParsedJson, diagnostics: Diagnostics): void {
  if (edits.length > 0) {
    const offsets = new ByteOffsets(text!);
    for (const edit of edits) diagnostics.addRepair(edit, text!, offsets);
  }
  if (truncated !== null) {
    diagnostics.addAlways({ code: 'response_truncated', kind: 'warning', expected: truncated.expected });
  }
}

/** The verdict on a submission with changed files that the allow-list denies (VAL-7). Its review result is not judged. */
export function denySubmission(denied: readonly string[], policy: Policy, source: string | null = null): Verdict {
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
    ...rejected({ class: 'POLICY_DENIED', facts: { code: 'path_not_allowed' } }, NOTHING_READ, policy, {
      reading: policy.readingOf(source).name,
      explanation: null,
    }),
    counts: { submitted: 0, kept: 0, dropped: 0, coerced: 0, by_code: diagnostics.by_code },
    diagnostics: diagnostics.kept,
  };
}

function rejected(
  refusal: Refusal,
  versions: VersionsJudged,
  policy: Policy,
  of: Pick<Verdict, 'reading' | 'explanation'>,
): Verdict {
  // Only the refusal is told: what was seen before it belongs to a response that is not read.
  const diagnostics = new Diagnostics(1, policy.redact);
  diagnostics.add({ ...refusal.facts, kind: 'rejection' });
  return {
    outcome: 'rejected',
    versions,
    rejection: { class: refusal.class, code: refusal.facts.code },
    ...of,
    truncated: false,
    lines_defaulted: [],
    result: null,
    counts: { submitted: 0, kept: 0, dropped: 0, coerced: 0, by_code: diagnostics.by_code },
    diagnostics: diagnostics.kept,
    unchanged: false,
  };
}

function accepted(
  written: Record<string, unknown>,
  { top, pass, parsed, reading }: { top: TopLevel; pass: FindingsPass; parsed: ParsedJson; reading: ReadingName },
  diagnostics: Diagnostics,
): Verdict {
  const { edits, truncated } = parsed;
  const { findings } = top;
  const kept = pass.kept ?? (findings as KeptFinding[]);
  if (findings.length > 0 && kept.length === 0) {
    diagnostics.addAlways({ code: 'all_findings_dropped', kind: 'warning', field: 'findings', pointer: '/findings' });
  }
  const asParsed = pass.kept === null && top.acts.length === 0 && top.ignored.length === 0;
  return {
    outcome: 'accepted',
    versions: top.versions,
    rejection: null,
    reading,
    explanation: truncated,
    truncated: truncated !== null,
    lines_defaulted: pass.lines_defaulted,
    result: asParsed ? (written as unknown as KeptResult) : rebuilt(written, top, kept),
    counts: {
      submitted: findings.length,
      kept: kept.length,
      dropped: findings.length - kept.length,
      coerced: pass.coerced,
      by_code: diagnostics.by_code,
    },
    diagnostics: diagnostics.kept,
    unchanged: asParsed && edits.length === 0 && truncated === null,
  };
}

function rebuilt(written: Record<string, unknown>, top: TopLevel, findings: KeptFinding[]): KeptResult {
  const acts = new Map(top.acts.map((act) => [act.field, act]));
  const result: Record<string, unknown> = {};
  for (const name of Object.keys(written)) {
    const act = acts.get(name);
    if (!top.offered!.contract.top_level.has(name) || act?.removed === true) continue;
    if (name === 'findings') result[name] = findings;
    else result[name] = act === undefined ? written[name] : act.to;
  }
  return result as unknown as KeptResult;
}
