import { isGitQuoted } from './git-quoting.js';
import type { ChangedFile } from './renamed-files.js';

/**
 * The changed files of a list: one name a line, where git may have put it in quotes; or as they are, each with U+0000
 * behind it, as `-z` and `-print0` write them. Empty lines name nothing.
 */
export function readNameList(text: string): string[] {
  if (text.includes('\0')) return endedByZero(text).map(asItIs);
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/**
 * The changed files of `git diff --name-status -z`: a renamed one with the name that it had before (ING-1). What a copy
 * was made of has not changed.
 *
 * @throws Error where it is something else.
 */
export function readNameStatus(text: string): ChangedFile[] {
  const fields = endedByZero(text);
  const files: ChangedFile[] = [];
  for (let index = 0; index < fields.length;) {
    const status = fields[index++]!;
    const [first, second] = [fields[index++], /^[RC]/.test(status) ? fields[index++] : null];
    if (!/^[A-Z]\d*$/.test(status) || first === undefined || second === undefined) {
      throw new Error('this is not what git diff --name-status -z prints');
    }
    if (status.startsWith('R')) files.push({ path: asItIs(second!), previous_path: asItIs(first) });
    else files.push(asItIs(second ?? first));
  }
  return files;
}

function endedByZero(text: string): string[] {
  return text.split('\0').filter((field) => field !== '');
}

/** A name that only looks as if git had quoted it, quoted. */
function asItIs(name: string): string {
  return isGitQuoted(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name;
}
