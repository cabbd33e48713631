import { BODY_LIMIT_BYTES, Problem, problemDetails, readJsonText } from '@assay/contracts';
import { dryRun } from '@assay/submission';
import type { DryRunDocument, GivenSubmission } from '@assay/submission';
// eslint-disable-next-line walls/in-through-index -- the library's index loads NestJS (250 ms); this command starts in 150
import { redactValue } from '../../../../libs/security/src/redact.js';
import type { Command } from '../assayctl.js';
import { explainRefusal } from '../explain-refusal.js';
import { explainVerdict } from '../explain-verdict.js';
import { readAllowList, readArguments, readBytes, readPolicy, textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';
import type { Terminal } from '../terminal.js';

const OPTIONS = {
  policy: { type: 'string' },
  'allow-list': { type: 'string' },
  source: { type: 'string' },
  contract: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

/** What the pipeline would make of a submission, offline (VAL-13): as `POST /v1/validations` answers, problems too. */
export const validateCommand: Command = {
  usage: 'FILE [--policy FILE] [--allow-list FILE] [--source NAME] [--contract V=SCHEMA] [--json]',
  summary: 'Says what would become of a submission (as for POST /v1/reviews; - reads standard input).',
  run(args, terminal) {
    const parsed = readArguments(args, OPTIONS, [1, 1]);
    const rules = {
      policy: readPolicy(terminal, parsed),
      allow_list: readAllowList(terminal, textOption(parsed, 'allow-list')),
      source: textOption(parsed, 'source') ?? null,
    };
    const bytes = readBytes(terminal, parsed.positionals[0]!, 'the submission');
    try {
      const given = readGiven(bytes);
      return answer(dryRun(given, rules), given, parsed, terminal);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return refuse(error, parsed, terminal);
    }
  },
};

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
  return typeof review_result === 'string' ? review_result : null;
}

function refuse(problem: Problem, { values }: Arguments, terminal: Terminal): number {
  const details = redactValue(problemDetails(problem));
  terminal.out(values['json'] ? `${JSON.stringify(details, null, 2)}\n` : explainRefusal(details, terminal));
  return 1;
}
