import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge } from '../engine/samples.js';
import { compileAllowList } from '../paths/index.js';
import { definePolicy } from '../policy.js';
import { judgeSubmission, readSubmission, verdictDocument } from './index.js';

const aSubmission = (differs: object = {}) => ({ changed_files: ['src/a.c'], review_result: aResult(), ...differs });
const policy = definePolicy();

describe('readSubmission', () => {
  it('VAL-13.a takes a submission without recipients and key, and one with them', () => {
    const whole = aSubmission({
      idempotency_key: 'k',
      recipients: [],
      changelist_id: 7,
      review_version: 1,
      root: '//d/p',
    });
    expect(readSubmission(whole)).toEqual({ submission: whole });
    expect(readSubmission(aSubmission({ review_result: 'raw' }))).toHaveProperty('submission');
  });

  it.each([
    [null, '', 'invalid_type'],
    [[], '', 'invalid_type'],
    [{ review_result: {} }, '/changed_files', 'required'],
    [aSubmission({ changed_files: 'a' }), '/changed_files', 'invalid_type'],
    [aSubmission({ changed_files: [] }), '/changed_files', 'invalid_value'],
    [aSubmission({ changed_files: ['a', 5] }), '/changed_files/1', 'invalid_value'],
    [aSubmission({ changed_files: ['x'.repeat(1_025)] }), '/changed_files/0', 'invalid_value'],
    [
      aSubmission({ changed_files: Array.from({ length: 2_100 }, () => 'x'.repeat(1_024)) }),
      '/changed_files',
      'invalid_value',
    ],
    [aSubmission({ changed_files: ['a\u0000'] }), '/changed_files/0', 'invalid_value'],
    [aSubmission({ changed_files: ['a', '\ud800'] }), '/changed_files/1', 'invalid_value'],
    [aSubmission({ changed_files: Array.from({ length: 20_001 }, () => 'a') }), '/changed_files', 'invalid_value'],
    [aSubmission({ root: 'x'.repeat(1_025) }), '/root', 'invalid_value'],
    [aSubmission({ root: '//d/\udfff' }), '/root', 'invalid_value'],
    [aSubmission({ root: '' }), '/root', 'invalid_value'],
    [aSubmission({ case_insensitive_paths: 'yes' }), '/case_insensitive_paths', 'invalid_type'],
    [{ changed_files: ['a'] }, '/review_result', 'required'],
    [aSubmission({ review_result: [] }), '/review_result', 'invalid_type'],
    [aSubmission({ review_result_format: 'xml' }), '/review_result_format', 'invalid_value'],
  ])('VAL-13.a names what is wrong with %j', (value, pointer, code) => {
    expect(readSubmission(value)).toEqual({ faults: [{ pointer, code, detail: expect.any(String) }] });
  });
});

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
