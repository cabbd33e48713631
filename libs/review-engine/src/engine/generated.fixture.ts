import fc from 'fast-check';

const { ASSAY_PROPERTY_RUNS = '500', ASSAY_PROPERTY_SEED } = process.env;
/** A property that fails tells its seed; given here, the same inputs come again. */
export const RUNS = {
  numRuns: Number(ASSAY_PROPERTY_RUNS),
  ...(ASSAY_PROPERTY_SEED === undefined ? {} : { seed: Number(ASSAY_PROPERTY_SEED) }),
};

export const changed_files = ['src/a.c', 'src/b.c', '//depot/p/c.c', 'Ünïcode dir/d.c'];

export const outer = fc.constantFrom('', '', ' ', '\t', '\u00a0', '\ufeff', '\r\n', '\u2029');
/** Any code point, half pairs too. fast-check's own `binary` makes a table of all of them first, which takes seconds. */
export const anyCharacter = fc.integer({ min: 0, max: 0x10_ff_ff }).map((point) => String.fromCodePoint(point));
export const words = fc
  .string({ minLength: 1, maxLength: 40, unit: anyCharacter })
  .map((text) => text.trim())
  .filter((text) => text !== '');
const severity = fc.constantFrom('critical', 'high', 'medium', 'low', 'info');
const category = fc.constantFrom(
  'correctness',
  'security',
  'performance',
  'reliability',
  'maintainability',
  'style',
  'test',
);
const position = fc.integer({ min: 1, max: 100_000 });

export const validFinding = fc
  .record(
    {
      id: words,
      severity,
      category,
      title: words,
      file: fc.constantFrom(...changed_files),
      line: position,
      message: words,
      end_line: position,
      suggestion: fc.oneof(words, fc.constant('')),
      confidence: fc.constantFrom('high', 'medium', 'low'),
      rule_id: words,
      column: position,
      end_column: position,
      cwe: fc.nat(9999).map((id) => `CWE-${id}`),
      fingerprint: fc.string({ minLength: 8, maxLength: 100 }).filter((text) => text.trim() === text),
    },
    { requiredKeys: ['id', 'severity', 'category', 'title', 'file', 'line', 'message'], noNullPrototype: true },
  )
  .map((finding) =>
    'end_line' in finding ? { ...finding, end_line: finding.line + (finding.end_line ?? 0) } : finding,
  );

const uniquely = (findings: object[]) =>
  findings.map((finding, index) => ({ ...finding, id: `${String((finding as { id: string }).id)}-${index}` }));

export const validDocument = fc.record(
  {
    schema_version: fc.constant('1.1'),
    prompt_version: fc.constantFrom('1.0', '1.0.0'),
    findings: fc.array(validFinding, { maxLength: 6 }).map(uniquely),
    summary: fc.string({ maxLength: 50 }).map((text) => text.trim()),
    meta: fc.dictionary(fc.string(), fc.jsonValue()),
  },
  { requiredKeys: ['schema_version', 'prompt_version', 'findings'], noNullPrototype: true },
);

/** A valid finding, then some members put wrong or into a form that needs a coercion. */
export const oddFinding = fc
  .tuple(
    validFinding,
    fc.dictionary(
      fc.constantFrom(
        'id',
        'severity',
        'title',
        'file',
        'line',
        'end_line',
        'column',
        'cwe',
        'message',
        'extra',
        '__proto__',
        'constructor',
        'toString',
      ),
      fc.oneof(
        fc.jsonValue(),
        fc.tuple(outer, words, outer).map((parts) => parts.join('')),
        fc
          .tuple(outer, fc.constantFrom('10', '+5', '007', '-0', '1e1', '0', '10.0'), outer)
          .map((parts) => parts.join('')),
        fc.constantFrom('.\\src\\a.c#3', 'src//b.c', '../a.c', 'high', 'blocker', 0, -1, 1.5, 1e300),
      ),
      { maxKeys: 3 },
    ),
  )
  .map(([finding, odd]) => JSON.parse(`{${[...members(finding), ...members(odd)].join(',')}}`) as unknown);

export const members = (object: object) =>
  Object.entries(object).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);

export const oddDocument = fc.record(
  {
    schema_version: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('1.0', '1.1', ' 1.1 ', '1.9') },
      { weight: 1, arbitrary: fc.jsonValue() },
    ),
    prompt_version: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('1.0', '1.0.0\n') },
      { weight: 1, arbitrary: fc.jsonValue() },
    ),
    findings: fc.oneof(
      { weight: 12, arbitrary: fc.array(fc.oneof(oddFinding, validFinding, fc.jsonValue()), { maxLength: 8 }) },
      { weight: 1, arbitrary: fc.jsonValue() },
    ),
    summary: fc.oneof(fc.string(), fc.jsonValue()),
    extra: fc.jsonValue(),
  },
  { requiredKeys: ['schema_version', 'prompt_version', 'findings'], noNullPrototype: true },
);

/** Half of the rejections are cheap to come by; this asks for documents whose findings are judged. */
export const judgedDocument = oddDocument.map((document) => {
  const { summary: _s, extra: _e, ...rest } = document;
  return {
    ...rest,
    schema_version: '1.1',
    prompt_version: '1.0',
    findings: Array.isArray(document.findings) ? document.findings : [],
  };
});

export const anyText = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.json(),
  oddDocument.map((document) => JSON.stringify(document)),
  fc.tuple(oddDocument, fc.nat(200)).map(([document, cut]) => JSON.stringify(document).slice(0, -cut)),
);
