import type { ParseArgsConfig } from 'node:util';
import { readArguments } from '../inputs.js';
import type { Arguments } from '../inputs.js';
import { printable, UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';
import { ApiClient, CONNECTION_OPTIONS, Refused } from './api-client.js';
import type { Service } from './api-client.js';

/** What a subcommand found out: shown as text, or under `--json` as it is. */
export interface Shown {
  json: unknown;
  text: string;
  /** 0 unless the answer is a "no". */
  exit_code?: 0 | 1;
}

export interface Subcommand {
  options: ParseArgsConfig['options'];
  /** How many positional arguments, least and most. */
  positionals: [number, number];
  /** Whom it asks; `dead-letter` unless said otherwise. */
  service?: Service;
  run(given: Arguments, api: ApiClient, terminal: Terminal): Promise<Shown>;
}

/** Runs one of the subcommands: 0 done, 1 refused or not so, 2 (a {@link UsageError}) wrong use. */
export async function runOperator(
  subcommands: Readonly<Record<string, Subcommand>>,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [name, ...rest] = args;
  const subcommand = name !== undefined && Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (!subcommand) throw new UsageError(`what? one of ${Object.keys(subcommands).join(', ')}`);
  const given = readArguments(rest, { ...subcommand.options, ...CONNECTION_OPTIONS }, subcommand.positionals);
  const as_json = given.values['json'] === true;
  try {
    const api = ApiClient.from(given, terminal, subcommand.service ?? 'dead-letter');
    const { json, text, exit_code = 0 } = await subcommand.run(given, api, terminal);
    terminal.out(as_json ? `${JSON.stringify(json, null, 2)}\n` : text);
    return exit_code;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (as_json && error.problem) terminal.out(`${JSON.stringify(error.problem, null, 2)}\n`);
    terminal.err(`assayctl: ${error.message.split('\n').map(printable).join('\n')}\n`);
    return 1;
  }
}
