import { describe, expect, it } from '@jest/globals';
import { publishedSchema, REGISTERED_VERSIONS } from './contract/registry.js';
import { DEFAULT_POLICY, definePolicy, readPolicyDocument, withReading } from './policy.js';
import { PolicyError, policyFaultText } from './policy-fault.js';

/** What is wrong with a policy; an empty list when nothing is. */
function faultsOf(define: () => unknown): readonly string[] {
  try {
    define();
  } catch (error) {
    if (error instanceof PolicyError) return error.faults.map(policyFaultText);
    throw error;
  }
  return [];
}
const faults = (document: unknown) => faultsOf(() => definePolicy(readPolicyDocument(document)));

describe('definePolicy', () => {
  it('VAL-10.f takes what is left out from the default policy', () => {
    expect(definePolicy().settings).toEqual(DEFAULT_POLICY);
    expect(definePolicy({ limits: { max_depth: 5 } }).limits).toEqual({ ...DEFAULT_POLICY.limits, max_depth: 5 });
    expect(definePolicy().redact('as it was')).toBe('as it was');
  });

  it('VER-4.a names every setting that is wrong, in one error', () => {
    const define = () =>
      definePolicy({
        prompt_versions: ['1', '1.0', 7 as unknown as string],
        prompt_patch_drift: 'yes' as unknown as boolean,
        schema_versions: { '9.0': { status: 'current' }, '1.0': { status: 'sunset', date: 'soon' } },
        limits: { max_findings: 0, max_depth: 1.5, max_nothing: 1 } as never,
        colour: 'red',
      } as never);
    expect(faultsOf(define)).toEqual([
      '/colour is not a policy setting',
      '/limits/max_findings must be a whole number above 0',
      '/limits/max_depth must be a whole number above 0',
      '/limits/max_nothing is not a limit',
      '/prompt_patch_drift must be true or false',
      '/prompt_versions/0 must be MAJOR.MINOR[.PATCH], and is "1"',
      '/prompt_versions/2 must be MAJOR.MINOR[.PATCH], and is 7',
      '/schema_versions/9.0 is not registered',
      '/schema_versions/1.0 needs a date, YYYY-MM-DD, for sunset',
      '/schema_versions must offer at least one version',
    ]);
    expect(define).toThrow(
      /^the review policy cannot be used: \/colour is not a policy setting; \/limits\/max_findings/,
    );
    expect(define).toThrow(expect.objectContaining({ name: 'PolicyError' }));
  });

  it.each([[[]], ['1.0'], [{}]])('VER-4.a refuses %j as the list of prompt versions', (prompt_versions) => {
    expect(faults({ prompt_versions })).toEqual(['/prompt_versions must be a list of at least one version']);
  });

  it.each([[5], [null], [[]]])('VER-6.a refuses %j as the standing of the contract versions', (schema_versions) => {
    expect(faults({ schema_versions })).toEqual(['/schema_versions must be an object of versions']);
  });

  it.each([
    [{ status: 'current' }, null],
    [{ status: 'supported' }, null],
    [{ status: 'sunset', date: '2028-02-29' }, null],
    [{ status: 'preview', sources: [] }, null],
    [{ status: 'preview', sources: ['a'] }, null],
    [{}, 'must have the status current, supported, sunset or preview'],
    [null, 'must have the status current, supported, sunset or preview'],
    [{ status: 'Current' }, 'must have the status current, supported, sunset or preview'],
    [{ status: 'sunset' }, 'needs a date, YYYY-MM-DD, for sunset'],
    [{ status: 'sunset', date: '2027-6-1' }, 'needs a date, YYYY-MM-DD, for sunset'],
    [{ status: 'sunset', date: '2027-06-30T00:00:00Z' }, 'needs a date, YYYY-MM-DD, for sunset'],
    [{ status: 'sunset', date: 'x2027-06-30' }, 'needs a date, YYYY-MM-DD, for sunset'],
    [{ status: 'sunset', date: '2027-13-01' }, 'needs a date, YYYY-MM-DD, for sunset'],
    [{ status: 'sunset', date: '2027-02-29' }, 'needs a date, YYYY-MM-DD, for sunset'],
    [{ status: 'preview' }, 'needs the list of sources that it is a preview for'],
    [{ status: 'preview', sources: 'a' }, 'needs the list of sources that it is a preview for'],
    [{ status: 'preview', sources: ['a', 1] }, 'needs the list of sources that it is a preview for'],
  ])('VER-6.a judges the standing %j', (standing, fault) => {
    expect(faults({ schema_versions: { '1.1': { status: 'current' }, '1.0': standing } })).toEqual(
      fault === null ? [] : [`/schema_versions/1.0 ${fault}`],
    );
  });

  it('VER-2.b offers versions by their numbers, whatever their order in the registry', () => {
    const like = (version: string) => ({
      version,
      schema: publishedSchema('1.0')!,
      standing: { status: 'current' as const },
    });
    const registry = [like('2.1'), like('1.10'), like('2.0'), like('1.9')];
    expect(definePolicy({}, { registry }).offered.map(({ version }) => version)).toEqual(['1.9', '1.10', '2.0', '2.1']);
  });

  it('names a version that is registered twice, or under no version number', () => {
    const again = { version: '1.0', schema: publishedSchema('1.1')!, standing: { status: 'current' as const } };
    const define = (version: string) => () =>
      definePolicy({}, { registry: [...REGISTERED_VERSIONS, { ...again, version }] });
    expect(faultsOf(define('1.0'))).toEqual(['contract 1.0 is registered already']);
    expect(faultsOf(define('1.x'))).toEqual(['/schema_versions/1.x is not MAJOR.MINOR']);
    expect(faultsOf(define('1.3'))).toEqual([]);
  });

  it('names what is wrong with a schema beside what is wrong with the settings', () => {
    const bad = { version: '1.3', schema: { properties: {} }, standing: { status: 'current' as const } };
    expect(faultsOf(() => definePolicy({ prompt_versions: [] }, { registry: [bad] }))).toEqual([
      '/prompt_versions must be a list of at least one version',
      'contract 1.3: properties or $defs.finding.properties is missing',
      '/schema_versions must offer at least one version',
    ]);
  });
});

describe('readPolicyDocument', () => {
  it('VAL-13.b takes any of the settings, and limits under limits alone', () => {
    expect(readPolicyDocument({ prompt_versions: ['1.0'], limits: { max_depth: 4 } })).toEqual({
      prompt_versions: ['1.0'],
      limits: { max_depth: 4 },
    });
    expect(readPolicyDocument({})).toEqual({});
    expect(faults({ max_findings: 3 })).toEqual(['/max_findings is not a policy setting']);
  });

  it.each([[null], [[]], ['x'], [7]])('VAL-13.b refuses %j as a policy', (document) => {
    expect(faults(document)).toEqual(['the policy must be an object of settings']);
  });

  it.each([[null], [[]], ['x']])('VAL-13.b refuses %j as its limits', (limits) => {
    expect(faults({ limits })).toEqual(['/limits must be an object of limits']);
  });

  it('VAL-12.f takes names of prototypes for settings that there are not', () => {
    expect(faults(JSON.parse('{"__proto__": {"max_findings": 1}, "constructor": 1}'))).toEqual([
      '/__proto__ is not a policy setting',
      '/constructor is not a policy setting',
    ]);
    expect(faults(JSON.parse('{"limits": {"__proto__": 5, "toString": 5}}'))).toEqual([
      '/limits/__proto__ is not a limit',
      '/limits/toString is not a limit',
    ]);
  });
});

describe('withReading', () => {
  const base = definePolicy({
    prompt_versions: ['2.0'],
    reading: 'strict',
    aliases: {},
    sources: { acme: { truncated: 'keep_complete' } },
  });
  const given = (document: unknown) => faultsOf(() => withReading(base, document));

  it('puts a reading in place of the whole one of a policy, and leaves the rest of it', () => {
    const policy = withReading(base, { truncated: 'keep_complete', sources: { old: { reading: 'strict' } } });
    expect(policy.readingOf('acme')).toEqual({ ...definePolicy().readingOf(null), truncated: 'keep_complete' });
    expect(policy.readingOf('old').name).toBe('strict');
    expect(policy.listed_prompts).toEqual(base.listed_prompts);
    expect(withReading(base, {}).readingOf('acme')).toEqual(definePolicy().readingOf('acme'));
    expect(base.readingOf('acme')).toMatchObject({ name: 'strict', truncated: 'keep_complete' });
  });

  it('names by its pointer every setting that is wrong, or is none of the reading', () => {
    const wrong = {
      ...{ prompt_versions: ['2.0'], limits: {}, reading: 'loose', truncated: true },
      aliases: { severity: { p0: 'urgent', p1: 'high', 'a/b': 7 }, colour: {}, category: 'bug' },
      sources: { acme: { reading: null, sources: {} }, other: [] },
    };
    expect(given(wrong)).toEqual([
      '/prompt_versions is not a setting of the reading',
      '/limits is not a setting of the reading',
      '/reading must be lenient or strict',
      '/truncated must be reject or keep_complete',
      '/aliases/severity/p0 must be one of critical, high, medium, low, info',
      '/aliases/severity/a~1b must be one of critical, high, medium, low, info',
      '/aliases/colour is not a field with a closed list of words (severity, category, confidence)',
      '/aliases/category must be an object of words',
      '/sources/acme/sources is not a setting of a source',
      '/sources/acme/reading must be lenient or strict',
      '/sources/other must be an object of settings',
    ]);
    expect(given({ sources: [] })).toEqual(['/sources must be an object of sources']);
    expect(given({ aliases: null })).toEqual(['/aliases must be an object of fields']);
    for (const document of [null, [], 'lenient', 7]) {
      expect(given(document)).toEqual(['the policy must be an object of settings']);
    }
  });

  it('VAL-12.f takes names of prototypes for what they are, and cuts those that are long', () => {
    expect(given(JSON.parse('{"aliases": {"__proto__": {"a": "high"}, "severity": {"constructor": "x"}}}'))).toEqual([
      '/aliases/__proto__ is not a field with a closed list of words (severity, category, confidence)',
      '/aliases/severity/constructor must be one of critical, high, medium, low, info',
    ]);
    const { readingOf } = withReading(base, JSON.parse('{"sources": {"__proto__": {"reading": "strict"}}}'));
    expect([readingOf('acme').name, readingOf('__proto__').name]).toEqual(['lenient', 'strict']);
    expect(given({ ['x'.repeat(1_000)]: 1 })[0]).toHaveLength(129 + ' is not a setting of the reading'.length);
  });
});
