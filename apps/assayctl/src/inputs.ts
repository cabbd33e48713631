import { isUtf8 } from 'node:buffer';
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import {
  definePolicy,
  PolicyError,
  policyFaultText,
  publishedSchema,
  readAllowListFile,
  readPolicyDocument,
  REGISTERED_VERSIONS,
} from '@assay/review-engine';
import type { AllowList, Policy, RegisteredVersion } from '@assay/review-engine';
// eslint-disable-next-line walls/in-through-index -- the library's index loads NestJS (250 ms); this command starts in 150
import { redact } from '../../../libs/security/src/redact.js';
import { UsageError } from './terminal.js';
import type { Terminal } from './terminal.js';

export interface Arguments {
  positionals: string[];
  values: Record<string, string | boolean | string[] | undefined>;
}

/** Options and positional arguments; what is not declared is wrong use. */
export function readArguments(
  args: string[],
  options: ParseArgsConfig['options'],
  positionals: [number, number],
): Arguments {
  let parsed: Arguments;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true }) as Arguments;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const [least, most] = positionals;
  const given = parsed.positionals.length;
  if (given < least) throw new UsageError('an argument is missing');
  if (given > most) throw new UsageError(`there is one argument too many: ${JSON.stringify(parsed.positionals[most])}`);
  return parsed;
}

/** A file's JSON value. */
export function readJson(terminal: Terminal, file: string, what: string): unknown {
  const text = readText(terminal, file, what);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${what} ${file} is not JSON: ${(error as Error).message}`);
  }
}

export function readBytes(terminal: Terminal, file: string, what: string): Buffer {
  try {
    return terminal.read(file);
  } catch (error) {
    throw new UsageError(`${what} ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

export function readText(terminal: Terminal, file: string, what: string): string {
  const bytes = readBytes(terminal, file, what);
  if (!isUtf8(bytes)) throw new UsageError(`${what} ${file} is not UTF-8`);
  const text = bytes.toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** The policy of `--policy`, or the default one; diagnostics pass the same redactor as the pipeline's (SEC-4). */
export function readPolicy(terminal: Terminal, given: Arguments): Policy {
  const file = textOption(given, 'policy');
  const registry = [...REGISTERED_VERSIONS, ...contractsOf(terminal, given)];
  const document = file === undefined ? {} : readJson(terminal, file, 'the policy');
  try {
    return definePolicy(readPolicyDocument(document), { registry, redact: (text) => redact(text, { emails: false }) });
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const what = file === undefined ? 'the contracts' : `the policy ${file}`;
    throw new UsageError(
      `${what} cannot be used:\n${error.faults.map((fault) => `  - ${policyFaultText(fault)}`).join('\n')}`,
    );
  }
}

/** `--contract VERSION=SCHEMA`: a contract to try before it is registered, as a schema file or like a version there is. */
function contractsOf(terminal: Terminal, { values }: Arguments): RegisteredVersion[] {
  const given = values['contract'];
  return (Array.isArray(given) ? given : []).map((text) => {
    const [, version, source] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (version === undefined || source === undefined)
      throw new UsageError('--contract is VERSION=FILE or VERSION=VERSION');
    const schema = publishedSchema(source) ?? readJson(terminal, source, 'the schema');
    if (typeof schema !== 'object' || schema === null) throw new UsageError(`the schema ${source} is not an object`);
    return { version, schema, standing: { status: 'supported' } };
  });
}

export function readAllowList(terminal: Terminal, file: string | undefined): AllowList | null {
  if (file === undefined) return null;
  const text = readText(terminal, file, 'the allow-list');
  try {
    return readAllowListFile(text).list;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export function textOption({ values }: Arguments, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}
