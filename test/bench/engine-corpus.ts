/** One payload as the validator gets it: the reviewer's bytes and the changed files of the submission. */
export interface Payload {
  raw: Buffer;
  changed_files: string[];
}

const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];
const CATEGORIES = ['correctness', 'security', 'performance', 'reliability', 'maintainability', 'style', 'test'];
const MESSAGE =
  'The value that lookup() returns may be null when the key is missing, and the next line uses it without a check. ' +
  'A caller that races with eviction would see this in production.';

export type Finding = Record<string, unknown>;
type Result = Record<string, unknown> & { findings: unknown[] };

export function aFinding(payload: number, index: number, changed_files: readonly string[]): Finding {
  const line = 10 + ((payload + index * 37) % 900);
  return {
    id: `F-${payload}-${index}`,
    severity: SEVERITIES[(payload + index) % SEVERITIES.length],
    category: CATEGORIES[(payload * 3 + index) % CATEGORIES.length],
    title: `Possible null dereference near step ${index} of stage ${payload % 17}`,
    file: changed_files[(payload + index * 7) % changed_files.length],
    line,
    message: MESSAGE,
    ...(index % 2 === 0 ? { end_line: line + 3, suggestion: 'Return early when the value is null.' } : {}),
    ...(index % 3 === 0 ? { confidence: 'high', rule_id: `NULL-${index}` } : {}),
  };
}

/** What goes wrong with findings: coercions and drops, each in its own finding. */
const FINDING_FAULTS: readonly ((finding: Finding) => void)[] = [
  (finding) => (finding['line'] = String(finding['line'])),
  (finding) => (finding['line'] = ` ${String(finding['line'])} `),
  (finding) => (finding['title'] = `  ${String(finding['title'])}\n`),
  (finding) => (finding['file'] = `${String(finding['file'])}#12`),
  (finding) => (finding['file'] = String(finding['file']).replaceAll('/', '\\')),
  (finding) => (finding['file'] = '//depot/project/not/changed.ts'),
  (finding) => (finding['severity'] = 'blocker'),
  (finding) => (finding['category'] = null),
  (finding) => (finding['end_line'] = 1),
  (finding) => (finding['line'] = 0),
  (finding) => (finding['line'] = '1e1'),
  (finding) => (finding['message'] = ''),
  (finding) => (finding['message'] = 'x'.repeat(9_000)),
  (finding) => delete finding['title'],
  (finding) => (finding['owner'] = 'payments'),
  (finding) => (finding['id'] = 'again'),
];

/** What goes wrong with whole responses, as text. */
const RESPONSE_FAULTS: readonly ((result: Result) => string)[] = [
  (result) => JSON.stringify(result).slice(0, -40),
  (result) => `Here is my review:\n${JSON.stringify(result)}`,
  (result) => JSON.stringify({ ...result, schema_version: '2.0' }),
  (result) => JSON.stringify({ ...result, schema_version: '1.9' }),
  (result) => JSON.stringify({ ...result, prompt_version: 'latest' }),
  (result) => JSON.stringify({ ...result, findings: null }),
  (result) => JSON.stringify({ ...result, verdict: 'fine' }),
  (result) => JSON.stringify({ ...result, meta: JSON.parse('['.repeat(80) + ']'.repeat(80)) as unknown }),
  (result) => JSON.stringify({ ...result, findings: [7, null, 'x', ...result.findings] }),
];

function aPayload(payload: number, changed_files: string[]): Payload {
  const findings = Array.from({ length: 25 }, (_, index) => aFinding(payload, index, changed_files));
  const result: Result = { schema_version: '1.0', prompt_version: '1.0.0', findings, summary: 'Mostly fine.' };
  let text = '';
  // A fifth is malformed: of these two in three have findings at fault, the others are wrong as a whole.
  if (payload % 5 === 4) {
    const turn = Math.floor(payload / 5);
    if (turn % 3 === 2) text = RESPONSE_FAULTS[Math.floor(turn / 3) % RESPONSE_FAULTS.length]!(result);
    else
      for (let index = turn % 3; index < 25; index += 3)
        FINDING_FAULTS[(turn + index) % FINDING_FAULTS.length]!(findings[index]!);
  }
  return { raw: Buffer.from(text === '' ? JSON.stringify(result) : text), changed_files };
}

/** Always the same payloads for the same numbers. */
export function engineCorpus(payloads: number, files: number): Payload[] {
  return Array.from({ length: payloads }, (_, payload) => {
    const changed_files = Array.from({ length: files }, (_file, index) => pathOf(payload, index));
    return aPayload(payload, changed_files);
  });
}

export function pathOf(payload: number, index: number): string {
  return `//depot/project/src/module-${(payload + index) % 23}/component-${index}.service.ts`;
}

/** One large review for the cost of size: so many findings, so many changed files, so many bytes. */
export function largePayload(size: { findings: number; files: number; bytes: number }): Payload {
  const changed_files = Array.from({ length: size.files }, (_, index) => pathOf(0, index));
  const findings = Array.from({ length: size.findings }, (_, index) => ({
    ...aFinding(0, index, changed_files),
    message: MESSAGE.slice(0, MESSAGE.indexOf('.') + 1),
  }));
  const result: Result = { schema_version: '1.0', prompt_version: '1.0.0', findings, meta: { text: '' } };
  result['meta'] = { text: 'x'.repeat(size.bytes - Buffer.byteLength(JSON.stringify(result))) };
  return { raw: Buffer.from(JSON.stringify(result)), changed_files };
}
