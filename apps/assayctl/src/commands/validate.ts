import { isUtf8 } from 'node:buffer';
import { BODY_LIMIT_BYTES, Problem, problemDetails, readJsonText } from '@assay/contracts';
import { dryRun } from '@assay/submission';
import type { DryRunDocument, GivenSubmission } from '@assay/submission';
// eslint-disable-next-line walls/in-through-index -- the library's index loads NestJS (250 ms); this command starts in 150
import { redactValue } from '../../../../libs/security/src/redact.js';
import type { ChangedFile } from '@assay/review-engine';
import type { Command } from '../assayctl.js';
import { readChangedNames } from '../changed-names.js';
import { explainRefusal } from '../explain-refusal.js';
import { explainVerdict } from '../explain-verdict.js';
import { readAllowList, readArguments, readBytes, readPolicy, textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';
import { UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';

const OPTIONS = {
  policy: { type: 'string' },
  'allow-list': { type: 'string' },
  source: { type: 'string' },
  contract: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  'changed-files': { type: 'string' },
  git: { type: 'string' },
  root: { type: 'string' },
} as const;

const USAGE = [
  'FILE [--changed-files FILE | --git BASE..HEAD] [--root ROOT]',
  '[--policy FILE] [--allow-list FILE] [--source NAME] [--contract V=SCHEMA] [--json]',
];

/**
 * What the pipeline would make of a submission, or of raw output and the changed files named beside it, offline
 * (VAL-13): as `POST /v1/validations` answers, problems too.
 */
export const validateCommand: Command = {
  usage: USAGE.join(' '),
  summary:
    "Says what would become of a submission (as for POST /v1/reviews; - reads standard input), or of a reviewer's raw output where --changed-files (one a line, or NUL behind each) or --git says what has changed.",
  run(args, terminal) {
    const parsed = readArguments(args, OPTIONS, [1, 1]);
    const rules = {
      policy: readPolicy(terminal, parsed),
      allow_list: readAllowList(terminal, textOption(parsed, 'allow-list')),
      source: textOption(parsed, 'source') ?? null,
    };
    const changed_files = readChangedNames(terminal, parsed);
    const root = textOption(parsed, 'root');
    if (changed_files === null && root !== undefined) throw new UsageError('a submission names its own root');
    const what = changed_files === null ? 'the submission' : 'the raw output';
    const bytes = readBytes(terminal, parsed.positionals[0]!, what);
    try {
      const given = changed_files === null ? readGiven(bytes) : beside(bytes, changed_files, root);
      return answer(dryRun(given, rules), given, parsed, terminal);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return refuse(error, parsed, terminal);
    }
  },
};

/** A submission of raw output: what no verdict depends on is made up. */
function beside(review_result: Buffer, changed_files: ChangedFile[], root: string | undefined): GivenSubmission {
  const value = { changelist_id: 'none', review_version: 1, changed_files, root: root ?? null, review_result };
  return { value, bytes: review_result.length };
}

/** As the services take a body (ING-10). */
function readGiven(received: Buffer): GivenSubmission {
  if (received.length > BODY_LIMIT_BYTES) throw new Problem('payload_too_large');
  const { bytes, value } = readJsonText(received);
  return { value, bytes: bytes.length };
}

function answer(document: DryRunDocument, given: GivenSubmission, { values }: Arguments, terminal: Terminal): number {
  const json = values['json'] === true;
  terminal.out(json ? `${JSON.stringify(document, null, 2)}\n` : explainVerdict(document, terminal, rawOf(given)));
  return document.outcome === 'accepted' ? 0 : 1;
}

/** What a place in the explanation is counted in. */
function rawOf({ value }: GivenSubmission): string | null {
  const { review_result } = value as { review_result: unknown };
  if (Buffer.isBuffer(review_result)) return isUtf8(review_result) ? review_result.toString('utf8') : null;
  return typeof review_result === 'string' ? review_result : null;
}

function refuse(problem: Problem, { values }: Arguments, terminal: Terminal): number {
  const details = redactValue(problemDetails(problem));
  terminal.out(values['json'] ? `${JSON.stringify(details, null, 2)}\n` : explainRefusal(details, terminal));
  return 1;
}
