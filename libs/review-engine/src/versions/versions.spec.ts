import { describe, expect, it } from '@jest/globals';
import { aFinding, aResult, judge } from '../engine/samples.js';
import { DEFAULT_ALIASES } from '../aliases.js';
import { definePolicy, type PolicyOverrides } from '../policy.js';
import { VERSION_VERDICTS } from '../verdict.js';
import { compatibility } from './compatibility.js';

const versions = (schema_version: string, prompt_version = '1.0.0', policy: PolicyOverrides = {}, source?: string) => {
  const verdict = judge(aResult({ schema_version, prompt_version }), { policy, source });
  return { outcome: verdict.outcome, ...verdict.versions };
};

describe('schema_version', () => {
  it.each(['1.0', '1.1'])('VER-2.a takes the registered %s as exact', (version) => {
    expect(versions(version)).toMatchObject({ outcome: 'accepted', schema_verdict: 'exact', read_as: version });
  });

  it('VER-2.b reads an unregistered minor with the newest registered one below it', () => {
    expect(versions('1.7')).toMatchObject({ outcome: 'accepted', schema_verdict: 'compatible_minor', read_as: '1.1' });
    const only10 = { schema_versions: { '1.0': { status: 'current' } } } as const;
    expect(versions('1.1', '1.0', only10)).toMatchObject({ schema_verdict: 'compatible_minor', read_as: '1.0' });
  });

  it.each([
    ['2.0', 'incompatible_major'],
    ['0.9', 'incompatible_major'],
    ['1', 'malformed'],
    ['1.0.0', 'malformed'],
    ['01.0', 'malformed'],
    ['v1.0', 'malformed'],
    ['', 'malformed'],
    ['1.9999999999', 'malformed'],
  ])('VER-1.a VER-5.a rejects %j as %s', (version, schema_verdict) => {
    expect(versions(version)).toMatchObject({ outcome: 'rejected', schema_verdict, read_as: null });
  });

  it('VER-1.a names an older minor than any that is registered', () => {
    const only11 = { schema_versions: { '1.1': { status: 'current' } } } as const;
    expect(versions('1.0', '1.0', only11)).toMatchObject({ outcome: 'rejected', schema_verdict: 'incompatible_minor' });
    expect(VERSION_VERDICTS).toHaveLength(6);
  });

  it('VER-1.b stops before any finding is judged', () => {
    const verdict = judge(aResult({ schema_version: '2.0', findings: [5, aFinding({ line: 0 })] }));
    expect(verdict.counts.by_code).toEqual({ incompatible_version: 1 });
  });

  it('VER-3.a keeps the schema_version it came with and names the one it was read as', () => {
    const verdict = judge(aResult({ schema_version: '1.7' }));
    expect(verdict.result?.schema_version).toBe('1.7');
    expect(verdict.versions).toMatchObject({ schema_version: '1.7', read_as: '1.1' });
  });

  it('VER-3.b leaves unknown fields out under compatible_minor, each with a diagnostic', () => {
    const document = aResult({
      schema_version: '1.7',
      effort: 1,
      findings: [aFinding({ weight: [2], tags: 'x' }), aFinding({ id: 'F2' })],
    });
    const verdict = judge(document);
    expect(verdict.result).toEqual(aResult({ schema_version: '1.7', findings: [aFinding(), aFinding({ id: 'F2' })] }));
    expect(verdict.diagnostics.map(({ code, kind, pointer }) => [code, kind, pointer])).toEqual([
      ['unknown_field_ignored', 'warning', '/effort'],
      ['unknown_field_ignored', 'warning', '/findings/0/weight'],
      ['unknown_field_ignored', 'warning', '/findings/0/tags'],
    ]);
    expect(verdict.counts).toMatchObject({ kept: 2, coerced: 0, by_code: { unknown_field_ignored: 3 } });
  });

  it('VER-3.c still drops an unknown enum value under compatible_minor', () => {
    const verdict = judge(aResult({ schema_version: '1.7', findings: [aFinding({ severity: 'blocker' })] }));
    expect(verdict.diagnostics[0]!.code).toBe('invalid_enum_value');
  });

  it('VER-5.a names what was received and what is supported', () => {
    expect(judge(aResult({ schema_version: '2.0' }))).toMatchObject({
      rejection: { class: 'INCOMPATIBLE_VERSION', code: 'incompatible_version' },
      diagnostics: [{ field: 'schema_version', from: '2.0', expected: expect.stringContaining('1.0, 1.1') }],
    });
    expect(judge(aResult({ prompt_version: '3.1' })).diagnostics[0]).toMatchObject({
      field: 'prompt_version',
      from: '3.1',
      expected: '1.0.0',
    });
  });

  it('VER-8.a takes a preview as exact for its sources and as compatible_minor for all others', () => {
    const policy = {
      schema_versions: { '1.0': { status: 'current' }, '1.1': { status: 'preview', sources: ['early'] } },
    } as const;
    expect(versions('1.1', '1.0', policy, 'early')).toMatchObject({ schema_verdict: 'exact', read_as: '1.1' });
    expect(versions('1.1', '1.0', policy, 'other')).toMatchObject({
      schema_verdict: 'compatible_minor',
      read_as: '1.0',
    });
    expect(versions('1.1', '1.0', policy)).toMatchObject({ schema_verdict: 'compatible_minor', read_as: '1.0' });
  });

  it('VER-8.a names a preview as supported to its sources alone', () => {
    const policy: PolicyOverrides = {
      schema_versions: { '1.0': { status: 'current' }, '1.1': { status: 'preview', sources: ['early'] } },
    };
    const supported = (source?: string) =>
      judge(aResult({ schema_version: '2.0' }), { policy, source }).diagnostics[0]!.expected;
    expect(supported('early')).toBe('1.0, 1.1 (and newer minors of the same major)');
    expect(supported('other')).toBe('1.0 (and newer minors of the same major)');
    expect(supported()).toBe('1.0 (and newer minors of the same major)');
  });
});

describe('prompt_version', () => {
  it('VER-4.a reads a missing third segment as 0', () => {
    expect(versions('1.0', '1.0')).toMatchObject({
      outcome: 'accepted',
      prompt_version: '1.0',
      prompt_verdict: 'exact',
    });
    expect(versions('1.0', '1.2.0', { prompt_versions: ['1.2'] }).prompt_verdict).toBe('exact');
  });

  it.each([
    ['1.0.1', 'incompatible_minor'],
    ['1.1', 'incompatible_minor'],
    ['2.0.0', 'incompatible_major'],
    ['1.0.0-rc1', 'malformed'],
    ['latest', 'malformed'],
  ])('VER-4.a refuses %j, which is not listed, as %s', (version, prompt_verdict) => {
    expect(versions('1.0', version)).toMatchObject({ outcome: 'rejected', prompt_verdict });
  });

  it('VER-4.b takes any patch of a listed major.minor with prompt_patch_drift, without it none', () => {
    const drift = { prompt_versions: ['1.0.3', '2.1'], prompt_patch_drift: true };
    expect(versions('1.0', '1.0.9', drift)).toMatchObject({ outcome: 'accepted', prompt_verdict: 'compatible_patch' });
    expect(versions('1.0', '2.1', drift)).toMatchObject({ prompt_verdict: 'exact' });
    expect(versions('1.0', '2.2.0', drift)).toMatchObject({
      outcome: 'rejected',
      prompt_verdict: 'incompatible_minor',
    });
    expect(versions('1.0', '1.0.9', { prompt_versions: ['1.0.3'] }).outcome).toBe('rejected');
  });

  it('VER-5.a says which prompt versions are supported, and whether their patches are', () => {
    const policy = { prompt_versions: ['1.0.3', '2.1'], prompt_patch_drift: true };
    const expected = judge(aResult({ prompt_version: '3.0' }), { policy }).diagnostics[0]!.expected;
    expect(expected).toBe('1.0.3, 2.1.0 (and any patch of these)');
  });
});

describe('compatibility', () => {
  it('VER-6.a lists the registered versions with their status, and the policy', () => {
    const policy = definePolicy({
      prompt_versions: ['1.0', '2.3.4'],
      prompt_patch_drift: true,
      schema_versions: { '1.0': { status: 'sunset', date: '2027-06-30' }, '1.1': { status: 'current' } },
    });
    expect(compatibility(policy)).toEqual({
      schema_versions: [
        { version: '1.0', status: 'sunset', date: '2027-06-30' },
        { version: '1.1', status: 'current' },
      ],
      prompt_versions: ['1.0.0', '2.3.4'],
      prompt_patch_drift: true,
      reading: { reading: 'lenient', truncated: 'reject', aliases: DEFAULT_ALIASES },
      preflight: null,
    });
  });

  it('VER-6.b answers a preflight with the verdict that the versions would get', () => {
    const policy = definePolicy({ prompt_patch_drift: true });
    const preflight = (schema_version?: string, prompt_version?: string) => {
      const answer = compatibility(policy, { schema_version, prompt_version }).preflight!;
      return [answer.schema_verdict, answer.read_as, answer.prompt_verdict, answer.acceptable];
    };
    expect(preflight('1.5', '2.0')).toEqual(['compatible_minor', '1.1', 'incompatible_major', false]);
    expect(preflight('1.5', '1.0.7')).toEqual(['compatible_minor', '1.1', 'compatible_patch', true]);
    expect(preflight('2.0', '1.0')).toEqual(['incompatible_major', null, 'exact', false]);
    expect(preflight('1.0')).toEqual(['exact', '1.0', null, true]);
    expect(preflight('one')).toEqual(['malformed', null, null, false]);
    expect(preflight(undefined, '1.0')).toEqual([null, null, 'exact', true]);
    expect(preflight(undefined, '9.0')).toEqual([null, null, 'incompatible_major', false]);
  });

  it('VER-6.b takes white space off the versions asked about, as off those of a result', () => {
    const asked = { schema_version: ' 1.0\n', prompt_version: '\t1.0.0 ' };
    expect(compatibility(definePolicy(), asked).preflight).toEqual({
      ...asked,
      schema_verdict: 'exact',
      read_as: '1.0',
      prompt_verdict: 'exact',
      acceptable: true,
    });
  });
});
