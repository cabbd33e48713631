import { isUtf8 } from 'node:buffer';
import { readNameList, readNameStatus } from '@assay/review-engine';
import type { ChangedFile } from '@assay/review-engine';
import { readText, textOption } from './inputs.js';
import type { Arguments } from './inputs.js';
import { printable, UsageError } from './terminal.js';
import type { Ran, Terminal } from './terminal.js';

/**
 * The changed files that stand on the command line beside raw output: those of a list, or those that git knows. Null
 * where neither is asked for; never an empty list, which would drop every finding.
 */
export function readChangedNames(terminal: Terminal, given: Arguments): ChangedFile[] | null {
  const file = textOption(given, 'changed-files');
  const range = textOption(given, 'git');
  if (file !== undefined && range !== undefined) throw new UsageError('there is --changed-files or --git, not both');
  if (file === undefined && range === undefined) return null;
  if (file === '-' && given.positionals[0] === '-') {
    throw new UsageError('standard input is the raw output or the changed files, not both');
  }
  const names = range === undefined ? readNameList(readText(terminal, file!, LIST)) : namesOfGit(terminal, range);
  if (names.length > 0) return names;
  throw new UsageError(range === undefined ? `${LIST} ${file} names none` : `between ${range} no file has changed`);
}

const LIST = 'the list of changed files';

/** From the top of the work tree, wherever in it this runs, and whatever `git diff` has been configured to do. */
const DIFF = ['diff', '--name-status', '-z', '--find-renames', '--no-relative', '--no-ext-diff'];

function namesOfGit(terminal: Terminal, range: string): ChangedFile[] {
  // Not by what git says of them, which differs from version to version: each is asked for by itself.
  const [, from, to] = /^(.*?)\.{2,3}(.*)$/.exec(range) ?? [];
  if (from === undefined || to === undefined) throw new UsageError('--git takes BASE..HEAD, or BASE...HEAD');
  ask(terminal, ['rev-parse', '--git-dir'], 'this is not a git repository');
  for (const revision of [from, to].filter((name) => name !== '')) {
    const verify = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
    ask(terminal, verify, `git knows no revision ${JSON.stringify(revision)}; a shallow clone has to fetch it`);
  }
  const told = ask(terminal, [...DIFF, '--end-of-options', range, '--'], `git cannot tell what changed in ${range}`);
  const odd = isUtf8(told)
    ? undefined
    : told
        .toString('latin1')
        .split('\0')
        .find((name) => !isUtf8(Buffer.from(name, 'latin1')));
  if (odd !== undefined) throw new UsageError(`git names a file that is not UTF-8: ${printable(odd)}`);
  return readNameStatus(told.toString('utf8'));
}

function ask(terminal: Terminal, args: string[], fault: string): Buffer {
  const ran: Ran = terminal.run('git', args);
  if (ran.error !== undefined) throw new UsageError(`git cannot be run (${ran.error})`);
  if (ran.status === 0) return ran.stdout;
  const [said] = ran.stderr.split('\n');
  throw new UsageError(`${fault}${said === undefined || said === '' ? '' : ` (${printable(said)})`}`);
}
