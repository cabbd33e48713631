import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { classifyPostgresError } from './classify.js';

const thrown = (code: string | undefined, message = 'x') => Object.assign(new Error(message), code && { code });

describe('classifyPostgresError', () => {
  it.each([
    ['40P01', 'CONFLICT', true],
    ['40001', 'CONFLICT', true],
    ['23505', 'CONFLICT', true],
    ['57014', 'DEPENDENCY_TIMEOUT', true],
    ['57P01', 'DEPENDENCY_UNAVAILABLE', true],
    ['53300', 'DEPENDENCY_UNAVAILABLE', true],
    ['08006', 'DEPENDENCY_UNAVAILABLE', true],
    ['28P01', 'AUTHENTICATION_FAILED', true],
    ['42P01', 'PROGRAMMING_ERROR', false],
    ['22P05', 'PROGRAMMING_ERROR', false],
    ['XX000', 'PROGRAMMING_ERROR', false],
    ['ECONNREFUSED', 'DEPENDENCY_UNAVAILABLE', true],
    ['EPIPE', 'DEPENDENCY_UNAVAILABLE', true],
    [undefined, 'DEPENDENCY_UNAVAILABLE', true],
  ])('DLQ-1.b takes %s for %s, retryable: %s', (code, error_class, retryable) => {
    expect(classifyPostgresError(thrown(code))).toMatchObject({ error_class, retryable });
  });

  it('GEN-7.b judges by the code, whatever the text says', () => {
    const failure = classifyPostgresError(thrown('42P01', 'Connection terminated unexpectedly'));
    expect(failure.retryable).toBe(false);
  });

  it('DLQ-1.c takes a type error for a bug', () => {
    expect(classifyPostgresError(new TypeError('x'))).toMatchObject({ error_class: 'PROGRAMMING_ERROR' });
  });

  it('GEN-7.a leaves a failure as it is', () => {
    const failure = new Failure({ error_class: 'NOT_FOUND', code: 'x', retryable: false, message: 'x' });
    expect(classifyPostgresError(failure)).toBe(failure);
  });
});
