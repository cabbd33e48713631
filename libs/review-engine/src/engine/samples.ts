import { prepareChangedFiles, type ChangedFilesInput } from '../paths/index.js';
import { definePolicy, type PolicyOverrides } from '../policy.js';
import type { Verdict } from '../verdict.js';
import { validateReview } from './validate-review.js';

/** A finding that nothing is wrong with; tests write only what differs. */
export function aFinding(differences: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'F1',
    severity: 'high',
    category: 'correctness',
    title: 'Unchecked result',
    file: 'src/a.c',
    line: 10,
    message: 'lookup() may answer null here.',
    ...differences,
  };
}

export function aResult(differences: Record<string, unknown> = {}): Record<string, unknown> {
  return { schema_version: '1.0', prompt_version: '1.0.0', findings: [aFinding()], ...differences };
}

export interface JudgeOptions extends Partial<ChangedFilesInput> {
  policy?: PolicyOverrides;
  source?: string;
  redact?: (text: string) => string;
}

/**
 * Judges a document (an object) or raw output (a string or bytes) against a change of `src/a.c` and `src/b.c`, under the
 * strict reading unless the options say otherwise.
 */
export function judge(review: object | string | Buffer, options: JudgeOptions = {}): Verdict {
  const { policy, source, redact, ...files } = options;
  const input = typeof review === 'string' || Buffer.isBuffer(review) ? { raw: review } : { document: review };
  const changed = prepareChangedFiles({ changed_files: ['src/a.c', 'src/b.c'], ...files });
  return validateReview(input, changed, definePolicy({ reading: 'strict', ...policy }, { redact }), source ?? null);
}

/** Judges one finding and gives its diagnostics and what was kept of it. */
export function judgeOne(finding: unknown, options: JudgeOptions & { version?: string } = {}) {
  const { version = '1.0', ...rest } = options;
  const verdict = judge(aResult({ schema_version: version, findings: [finding] }), rest);
  return { verdict, kept: verdict.result?.findings[0], diagnostics: verdict.diagnostics };
}

const LENIENT = { reading: 'lenient' } as const;

/** {@link judge} under the lenient reading. */
export function judgeLeniently(review: object | string | Buffer, options: JudgeOptions = {}): Verdict {
  return judge(review, { ...options, policy: { ...LENIENT, ...options.policy } });
}

/** {@link judgeOne} under the lenient reading. */
export function judgeOneLeniently(finding: unknown, options: Parameters<typeof judgeOne>[1] = {}) {
  return judgeOne(finding, { ...options, policy: { ...LENIENT, ...options.policy } });
}
