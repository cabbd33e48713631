import { existsSync, writeFileSync } from 'node:fs';
import {
  consistencyProof,
  FormatError,
  inclusionProof,
  newNoteKeys,
  openCheckpoint,
  readVerifierKey,
  verifyConsistencyProof,
  verifyExport,
  verifyTlogProof,
  writeConsistencyProof,
  writeTlogProof,
} from '@assay/audit-log';
import type { Checkpoint, NoteVerifier } from '@assay/audit-log';
import { readArguments, readBytes, textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';
import { UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';
import { ExportDirectory } from './export-directory.js';
import { tellProof, tellVerdict } from './tell-verdict.js';

const COMMON = {
  key: { type: 'string', multiple: true },
  origin: { type: 'string' },
  json: { type: 'boolean' },
} as const;
const HOUR_MS = 3_600_000;

const SUBCOMMANDS: Record<string, (args: string[], terminal: Terminal) => Promise<number>> = {
  verify,
  proof,
  'verify-proof': verifyProof,
  'new-key': newKey,
};

/** `audit SUBCOMMAND` (DLQ-11): what anybody can do who has an export and the public key. */
export async function runAudit([name = '', ...rest]: string[], terminal: Terminal): Promise<number> {
  const run = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name]! : undefined;
  if (run === undefined) throw new UsageError(`there are audit ${Object.keys(SUBCOMMANDS).join(', ')}`);
  try {
    return await run(rest, terminal);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (error.code === 'malformed_key') throw new UsageError(error.message);
    if (rest.includes('--json'))
      terminal.out(`${JSON.stringify({ holds: false, code: error.code, detail: error.message })}\n`);
    else terminal.out(`does not hold  ${error.code}: ${error.message}\n`);
    return 1;
  }
}

async function verify(args: string[], terminal: Terminal): Promise<number> {
  const options = {
    ...COMMON,
    checkpoint: { type: 'string', multiple: true },
    'max-lateness-h': { type: 'string' },
  } as const;
  const given = readArguments(args, options, [1, 1]);
  const trusted = trustIn(given);
  const earlier = textsOption(given, 'checkpoint').map((file) => readBytes(terminal, file, 'the checkpoint'));
  const directory = new ExportDirectory(terminal, given.positionals[0]!);
  const verdict = await verifyExport(directory.toVerify(earlier), { ...trusted, ...latenessIn(given) });
  tellVerdict(verdict, { json: given.values['json'] === true, terminal });
  return verdict.first_bad_index === null ? 0 : 1;
}

async function proof(args: string[], terminal: Terminal): Promise<number> {
  const given = readArguments(args, { ...COMMON, since: { type: 'string' } }, [1, 2]);
  const trusted = trustIn(given);
  const directory = new ExportDirectory(terminal, given.positionals[0]!);
  const checkpoint = directory.checkpoint();
  const { size } = openCheckpoint(checkpoint, trusted.keys, trusted.origin);
  const since = olderIn(given, terminal, trusted);
  if ((since === null) === (given.positionals[1] === undefined))
    throw new UsageError('a proof is of an INDEX or --since a checkpoint');
  const text = await directory.withNodes(size, async (node) => {
    if (since === null) {
      const index = indexIn(given.positionals[1]!, size);
      return writeTlogProof({ index, hashes: await inclusionProof(index, size, node), checkpoint });
    }
    if (since.size === 0 || since.size > size)
      throw new UsageError(`the older checkpoint counts ${since.size} entries, this one ${size}`);
    return writeConsistencyProof({
      old_size: since.size,
      hashes: await consistencyProof(since.size, size, node),
      checkpoint,
    });
  });
  terminal.out(text);
  return 0;
}

function verifyProof(args: string[], terminal: Terminal): Promise<number> {
  const given = readArguments(args, { ...COMMON, since: { type: 'string' }, entry: { type: 'string' } }, [1, 1]);
  const trusted = trustIn(given);
  const text = readBytes(terminal, given.positionals[0]!, 'the proof');
  const since = olderIn(given, terminal, trusted);
  const file = textOption(given, 'entry');
  if ((since === null) === (file === undefined))
    throw new UsageError('a proof is of an --entry or --since a checkpoint');
  const holds =
    since === null
      ? verifyTlogProof(text, entryIn(terminal, file!), trusted) !== null
      : verifyConsistencyProof(text, since, trusted);
  tellProof(holds, { json: given.values['json'] === true, terminal });
  return Promise.resolve(holds ? 0 : 1);
}

/** The private key goes to a file that its owner alone can read, the public one to whoever is to verify. */
function newKey(args: string[], terminal: Terminal): Promise<number> {
  const { positionals } = readArguments(args, {}, [2, 2]);
  const [name, file] = positionals as [string, string];
  const { signer_key, verifier_key } = newNoteKeys(name);
  if (existsSync(file)) throw new UsageError(`${file} is there already`);
  writeFileSync(file, `${signer_key}\n`, { mode: 0o600, flag: 'wx' });
  terminal.out(`${verifier_key}\n`);
  return Promise.resolve(0);
}

interface Trust {
  keys: NoteVerifier[];
  origin?: string;
}

function trustIn(given: Arguments): Trust {
  const keys = textsOption(given, 'key').map(readVerifierKey);
  if (keys.length === 0) throw new UsageError('--key is missing: the public key of the log, NAME+ID+KEY');
  const origin = textOption(given, 'origin');
  return { keys, ...(origin !== undefined && { origin }) };
}

function olderIn(given: Arguments, terminal: Terminal, { keys, origin }: Trust): Checkpoint | null {
  const file = textOption(given, 'since');
  return file === undefined ? null : openCheckpoint(readBytes(terminal, file, 'the checkpoint'), keys, origin);
}

/** An entry as a line of an export, with its line feed or without. */
function entryIn(terminal: Terminal, file: string): Buffer {
  const bytes = readBytes(terminal, file, 'the entry');
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
}

function indexIn(text: string, size: number): number {
  if (!/^\d+$/.test(text) || Number(text) >= size)
    throw new UsageError(`the checkpoint counts ${size} entries, from 0 on`);
  return Number(text);
}

function latenessIn(given: Arguments): { max_lateness_ms?: number } {
  const text = textOption(given, 'max-lateness-h');
  if (text === undefined) return {};
  if (!/^\d+$/.test(text)) throw new UsageError('--max-lateness-h is a number of hours');
  return { max_lateness_ms: Number(text) * HOUR_MS };
}

function textsOption({ values }: Arguments, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}
