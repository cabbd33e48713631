import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge } from '../engine/samples.js';
import { compileAllowList } from '../paths/index.js';
import { definePolicy } from '../policy.js';
import { judgeSubmission, verdictDocument } from './index.js';

const aSubmission = (differs: object = {}) => ({ changed_files: ['src/a.c'], review_result: aResult(), ...differs });
const policy = definePolicy({ reading: 'strict' });

describe('judgeSubmission', () => {
  it('VAL-13.a gives what the engine gives, raw output or object', () => {
    const review_result = aResult({ findings: [aFinding({ line: '3' })] });
    const expected = judge(review_result, { changed_files: ['src/a.c'] });
    for (const given of [review_result, JSON.stringify(review_result)]) {
      const { verdict } = judgeSubmission(aSubmission({ review_result: given }), { policy, allow_list: null });
      expect(verdict).toEqual(expected);
      expect(Object.keys(verdictDocument(verdict))).toEqual([
        'outcome',
        'versions',
        'rejection',
        'reading',
        'explanation',
        'truncated',
        'lines_defaulted',
        'result',
        'counts',
        'diagnostics',
      ]);
    }
  });

  it('VAL-7.c denies a submission of which one changed file is not allowed', () => {
    const allow_list = compileAllowList(['//depot/p/...']);
    const changed_files = ['a.c', '//depot/q/b.c'];
    const { verdict, denied } = judgeSubmission(aSubmission({ changed_files, root: '//depot/p' }), {
      policy,
      allow_list,
    });
    expect(denied).toEqual(['//depot/q/b.c']);
    expect(verdict.rejection).toEqual({ class: 'POLICY_DENIED', code: 'path_not_allowed' });
  });
});
