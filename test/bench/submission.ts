/** The bench's one submission: 25 findings over 12 changed files, one webhook recipient. */
const FILES = Array.from({ length: 12 }, (_, n) => `//depot/demo/src/module-${n}/component-${n}.ts`);
const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];
const CATEGORIES = ['correctness', 'security', 'performance', 'reliability', 'maintainability'];

const REVIEW_RESULT = {
  schema_version: '1.0',
  prompt_version: '1.0.0',
  summary: 'A review of the change, written by a machine.',
  findings: Array.from({ length: 25 }, (_, n) => ({
    id: `finding-${n}`,
    severity: SEVERITIES[n % SEVERITIES.length],
    category: CATEGORIES[n % CATEGORIES.length],
    title: `The result of call ${n} is used before it is checked`,
    file: FILES[n % FILES.length],
    line: 10 + n,
    end_line: 12 + n,
    message: `The value that call ${n} returns may be absent, and the next line reads a member of it without a check.`,
    confidence: 'high',
    rule_id: `rule-${n % 7}`,
  })),
};

export function submission(changelist_id: string): { key: string; body: string } {
  return {
    key: `bench-${changelist_id}`,
    body: JSON.stringify({
      changelist_id,
      review_version: 1,
      changed_files: FILES,
      recipients: [{ channel: 'webhook', address: 'ci-bot' }],
      review_result: REVIEW_RESULT,
    }),
  };
}
