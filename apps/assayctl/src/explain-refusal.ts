import type { ProblemDetails } from '@assay/contracts';
import { painter, printable } from './terminal.js';
import type { Terminal } from './terminal.js';

/** The problem with which every door refuses a submission (VAL-13): its code, and each place with what is wrong there. */
export function explainRefusal(problem: ProblemDetails, terminal: Pick<Terminal, 'colour'>): string {
  const paint = painter(terminal);
  const { status, code, title, detail, errors = [], denied_paths = [] } = problem;
  const what = [`${status} ${code}: ${title}`, ...(detail === undefined ? [] : [detail])].join('. ');
  const places = errors.map(({ pointer, detail: fault }) => `${pointer || 'the submission'} ${fault}`);
  const lines = [...places, ...(denied_paths as string[])].map((line) => `  - ${printable(line)}\n`);
  const in_all = Number(problem['errors_in_all'] ?? problem['denied'] ?? 0);
  if (in_all > lines.length) lines.push(`  … ${in_all} in all\n`);
  return `${paint('red', paint('bold', 'refused'))}  ${printable(what)}\n${lines.join('')}${hint(problem)}`;
}

const NAME_THE_FILES = 'say what has changed with --changed-files FILE or --git BASE..HEAD';

/** The likeliest mix-up: the review result alone, as a document or as it came. */
function hint({ code, errors = [] }: ProblemDetails): string {
  if (code === 'malformed_json') return `If this is a reviewer's raw output, ${NAME_THE_FILES}.\n`;
  const has = (pointer: string, code: string) =>
    errors.some((error) => error.pointer === pointer && error.code === code);
  const bare = has('/findings', 'unknown_field') && has('/review_result', 'required');
  return bare
    ? `This looks like a review result: ${NAME_THE_FILES}, or put it into {"changelist_id": …, "review_version": 1, "changed_files": […], "review_result": …}.\n`
    : '';
}
