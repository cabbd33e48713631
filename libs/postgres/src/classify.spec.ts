import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { classifyPostgresError, spoilsConnection } from './classify.js';

const thrown = (code: string | undefined, message = 'x', routine: string | undefined = 'SomeRoutine') =>
  Object.assign(new Error(message), code && { code, routine });

describe('classifyPostgresError', () => {
  it.each([
    ['40P01', 'CONFLICT', true],
    ['40001', 'CONFLICT', true],
    ['55P03', 'CONFLICT', true],
    ['23505', 'CONFLICT', false],
    ['23P01', 'CONFLICT', false],
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

  it.each([
    '08003',
    '08006',
    '53100',
    '53300',
    '57P01',
    '57P02',
    '57P03',
    '58000',
    '58030',
    '58P01',
    '25006',
    '25P02',
    '25P03',
    '25P04',
    '26000',
    '42P05',
    undefined,
  ])('GEN-7.c takes %s for an outage: retryable, and the connection is thrown away', (code) => {
    const failure = classifyPostgresError(thrown(code));
    expect(failure).toMatchObject({ error_class: 'DEPENDENCY_UNAVAILABLE', retryable: true });
    expect(spoilsConnection(failure)).toBe(true);
  });

  it.each(['0A000', 'XX000'])(
    'GEN-7.d tells a stale plan and the word of a pooler from a bug of the server (%s)',
    (code) => {
      const judged = (routine: string | undefined) =>
        classifyPostgresError(Object.assign(new Error('x'), { code, routine }));
      expect(judged('RevalidateCachedQuery')).toMatchObject({ error_class: 'DEPENDENCY_UNAVAILABLE', retryable: true });
      expect(judged(undefined)).toMatchObject({ error_class: 'DEPENDENCY_UNAVAILABLE', retryable: true });
      expect(judged('ExecInitNode')).toMatchObject({ error_class: 'PROGRAMMING_ERROR', retryable: false });
    },
  );

  it('GEN-7.c keeps the connection on which a statement lost a conflict or was cancelled', () => {
    for (const code of ['40P01', '23505', '57014', '22P05']) {
      expect(spoilsConnection(classifyPostgresError(thrown(code)))).toBe(false);
    }
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
