/** The bench's submissions: 25 findings over 12 changed files, one webhook recipient, in two sizes. */
const FILES = Array.from({ length: 12 }, (_, n) => `//depot/demo/src/module-${n}/component-${n}.ts`);
const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];
const CATEGORIES = ['correctness', 'security', 'performance', 'reliability', 'maintainability'];

/** `in_row` fits a page of Postgres, so that ingest and the validator keep it in its row; `out_of_row` does not. */
export const SIZES = ['in_row', 'out_of_row'] as const;
export type Size = (typeof SIZES)[number];

const MESSAGES: Record<Size, (n: number) => string> = {
  in_row: () => `Unchecked.`,
  out_of_row: (n) =>
    `The value that call ${n} returns may be absent, and the next line reads a member of it without a check.`,
};

function reviewResult(size: Size): object {
  return {
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
      message: MESSAGES[size](n),
      confidence: 'high',
      rule_id: `rule-${n % 7}`,
    })),
  };
}

/** Writes submissions that differ in their changelist alone. */
export function submissions(size: Size, endpoint = 'ci-bot'): (changelist_id: string) => string {
  const rest = JSON.stringify({
    review_version: 1,
    changed_files: FILES,
    recipients: [{ channel: 'webhook', address: endpoint }],
    review_result: reviewResult(size),
  }).slice(1);
  return (changelist_id) => `{"changelist_id":"${changelist_id}",${rest}`;
}
