import { aFinding, pathOf } from './engine-corpus.js';
import type { Finding, Payload } from './engine-corpus.js';

/** Habits of models that the lenient reading forgives (VAL-18); who has one has it in each finding. */
const HABITS: readonly ((finding: Finding, index: number) => void)[] = [
  (finding) => Object.assign(finding, { end_line: null, suggestion: null, rule_id: null }),
  (finding) => (finding['severity'] = String(finding['severity']).toUpperCase()),
  (finding) => (finding['category'] = 'bug'),
  (finding) => (finding['confidence'] = 0.87),
  (finding) => (finding['effort'] = 'small'),
  (finding, index) => (finding['id'] = index + 1),
  (finding) => (finding['line'] = 0),
  (finding, index) => (finding['id'] = `F${index % 5}`),
];

/** What breaks JSON text and is mended (VAL-16). */
const BREAKS: readonly ((text: string) => string)[] = [
  (text) => `\`\`\`json\n${text}\n\`\`\``,
  (text) => text.replaceAll('}', ',}'),
  (text) => text.replaceAll('. A caller', '.\nA caller'),
  (text) => text.replaceAll('lookup()', 'lookup(\\d)'),
];

/** Answers of which a fifth needs lenient acts and one in fifty a repair; always the same for the same numbers. */
export function untidyCorpus(payloads: number, files: number): Payload[] {
  return Array.from({ length: payloads }, (_, payload) => {
    const changed_files = Array.from({ length: files }, (_file, index) => pathOf(payload, index));
    const findings = Array.from({ length: 25 }, (_, index) => aFinding(payload, index, changed_files));
    const turn = Math.floor(payload / 5);
    if (payload % 5 === 4) findings.forEach((finding, index) => HABITS[turn % HABITS.length]!(finding, index));
    const text = JSON.stringify({ schema_version: '1.0', prompt_version: '1.0.0', findings, summary: 'Mostly fine.' });
    const broken = payload % 50 === 27 ? BREAKS[Math.floor(payload / 50) % BREAKS.length]!(text) : text;
    return { raw: Buffer.from(broken), changed_files };
  });
}

/** One answer of about so many bytes that is no JSON until each of its edits is made. */
export function brokenAnswers(bytes: number): Record<string, Buffer> {
  const head = '{"schema_version":"1.0","prompt_version":"1.0.0","findings":[],"meta":';
  const filled = (part: string, before: string, behind: string) =>
    Buffer.from(`${head}${before}${part.repeat(Math.floor((bytes - head.length - 16) / part.length))}${behind}`);
  return {
    'raw line breaks': filled('some words\n', '{"a":"', '"}}'),
    'odd escapes': filled('some \\d words ', '{"a":"', '"}}'),
    'trailing commas': filled('[123456,],', '{"a":[', '1,],}}'),
  };
}
