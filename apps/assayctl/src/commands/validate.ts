import { judgeSubmission, readSubmission, verdictDocument } from '@assay/review-engine';
import type { JudgedSubmission } from '@assay/review-engine';
import type { Command } from '../assayctl.js';
import { explainVerdict } from '../explain-verdict.js';
import { readAllowList, readArguments, readJson, readPolicy, textOption } from '../inputs.js';
import { UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';

const OPTIONS = {
  policy: { type: 'string' },
  'allow-list': { type: 'string' },
  source: { type: 'string' },
  contract: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

/** What the pipeline would make of a submission, offline (VAL-13). */
export const validateCommand: Command = {
  usage: 'FILE [--policy FILE] [--allow-list FILE] [--source NAME] [--contract V=SCHEMA] [--json]',
  summary: 'Says what would become of a submission (as for POST /v1/reviews; - reads standard input).',
  run(args, terminal) {
    const parsed = readArguments(args, OPTIONS, [1, 1]);
    const submission = readGiven(terminal, parsed.positionals[0]!);
    const { verdict } = judgeSubmission(submission, {
      policy: readPolicy(terminal, parsed),
      allow_list: readAllowList(terminal, textOption(parsed, 'allow-list')),
      source: textOption(parsed, 'source') ?? null,
    });
    const document = verdictDocument(verdict);
    terminal.out(parsed.values['json'] ? `${JSON.stringify(document, null, 2)}\n` : explainVerdict(document, terminal));
    return verdict.outcome === 'accepted' ? 0 : 1;
  },
};

function readGiven(terminal: Terminal, file: string): JudgedSubmission {
  const value = readJson(terminal, file, 'the submission');
  const read = readSubmission(value);
  if ('submission' in read) return read.submission;
  const faults = read.faults.map(({ pointer, detail }) => `  - ${pointer || 'the submission'} ${detail}`).join('\n');
  throw new UsageError(`${file} is not a submission:\n${faults}${hint(value)}`);
}

/** The likeliest mix-up: the review result alone. */
function hint(value: unknown): string {
  const bare = typeof value === 'object' && value !== null && 'findings' in value && !('review_result' in value);
  return bare ? '\nThis looks like a review result: put it into {"changed_files": […], "review_result": …}.' : '';
}
