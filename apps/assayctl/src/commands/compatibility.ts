import { compatibility } from '@assay/review-engine';
import type { Compatibility } from '@assay/review-engine';
import type { Command } from '../assayctl.js';
import { readArguments, readPolicy, textOption } from '../inputs.js';
import { painter, printable, table } from '../terminal.js';
import type { Terminal } from '../terminal.js';

const OPTIONS = {
  'schema-version': { type: 'string' },
  'prompt-version': { type: 'string' },
  policy: { type: 'string' },
  source: { type: 'string' },
  contract: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

/** Contract and prompt versions, and what two of them would get (VER-6). */
export const compatibilityCommand: Command = {
  usage: '[--schema-version V] [--prompt-version V] [--policy FILE] [--source NAME] [--contract V=SCHEMA] [--json]',
  summary: 'Lists the versions that are taken; with versions given, says what these would get (1 when refused).',
  run(args, terminal) {
    const parsed = readArguments(args, OPTIONS, [0, 0]);
    const policy = readPolicy(terminal, parsed);
    const asked = {
      schema_version: textOption(parsed, 'schema-version'),
      prompt_version: textOption(parsed, 'prompt-version'),
    };
    const answer = compatibility(policy, asked, textOption(parsed, 'source') ?? null);
    terminal.out(parsed.values['json'] ? `${JSON.stringify(answer, null, 2)}\n` : explain(answer, terminal));
    return answer.preflight === null || answer.preflight.acceptable ? 0 : 1;
  },
};

function explain(answer: Compatibility, terminal: Terminal): string {
  const paint = painter(terminal);
  const rows = answer.schema_versions.map(({ version, ...standing }) => [version, statusText(standing)]);
  const drift = answer.prompt_patch_drift ? ', and any patch of these' : '';
  const parts = [
    table(['schema', 'status'], rows, { columns: terminal.columns, paint }),
    `prompt versions: ${answer.prompt_versions.join(', ')}${drift}\n`,
  ];
  const { preflight } = answer;
  if (preflight !== null) {
    const { schema_version, schema_verdict, read_as, prompt_version, prompt_verdict, acceptable } = preflight;
    parts.push(acceptable ? paint('green', 'acceptable\n') : paint('red', 'refused\n'));
    if (schema_version !== null)
      parts.push(`  schema ${printable(schema_version)}: ${schema_verdict}${read(read_as)}\n`);
    if (prompt_version !== null) parts.push(`  prompt ${printable(prompt_version)}: ${prompt_verdict}\n`);
  }
  return parts.join('');
}

const read = (read_as: string | null) => (read_as === null ? '' : `, read as ${read_as}`);

function statusText(standing: { status: string; date?: string; sources?: readonly string[] }): string {
  if (standing.date !== undefined) return `${standing.status}, until ${standing.date}`;
  if (standing.sources !== undefined) return `${standing.status} for ${standing.sources.join(', ')}`;
  return standing.status;
}
