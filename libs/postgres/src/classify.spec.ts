import { describe, expect, it } from '@jest/globals';
import { Failure } from '@assay/contracts';
import { classifyPostgresError, spoilsConnection } from './classify.js';

const thrown = (code: string | undefined, message = 'x', routine: string | undefined = 'SomeRoutine') =>
  Object.assign(new Error(message), code && { code, routine });

describe('classifyPostgresError', () => {
  it.each([
    ['40P01', 'CONFLICT'],
    ['40001', 'CONFLICT'],
    ['55P03', 'CONFLICT'],
    ['57014', 'DEPENDENCY_TIMEOUT'],
    ['57P01', 'DEPENDENCY_UNAVAILABLE'],
    ['53300', 'DEPENDENCY_UNAVAILABLE'],
    ['08006', 'DEPENDENCY_UNAVAILABLE'],
    ['ECONNREFUSED', 'DEPENDENCY_UNAVAILABLE'],
    ['EPIPE', 'DEPENDENCY_UNAVAILABLE'],
    [undefined, 'DEPENDENCY_UNAVAILABLE'],
  ])('DLQ-1.b takes %s for %s, which is retryable', (code, error_class) => {
    expect(classifyPostgresError(thrown(code))).toMatchObject({ error_class, retryable: true });
  });

  it.each(['42P01', '22P05', 'XX000'])('DLQ-1.c takes %s for a bug, which no retry mends', (code) => {
    expect(classifyPostgresError(thrown(code))).toMatchObject({ error_class: 'PROGRAMMING_ERROR', retryable: false });
  });

  it('takes a refused login for retryable: a credential is rotated at the server and here, one after the other', () => {
    expect(classifyPostgresError(thrown('28P01'))).toMatchObject({
      error_class: 'AUTHENTICATION_FAILED',
      retryable: true,
    });
  });

  it.each(['23505', '23P01'])('takes %s for a key that is taken, which waiting does not free', (code) => {
    expect(classifyPostgresError(thrown(code))).toMatchObject({ error_class: 'CONFLICT', retryable: false });
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
    const bug = { error_class: 'PROGRAMMING_ERROR', retryable: false };
    expect(classifyPostgresError(new TypeError('x'))).toMatchObject(bug);
  });

  it('GEN-7.a leaves a failure as it is', () => {
    const failure = new Failure({ error_class: 'NOT_FOUND', code: 'x', retryable: false, message: 'x' });
    expect(classifyPostgresError(failure)).toBe(failure);
  });
});
