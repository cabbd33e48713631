import { Buffer } from 'node:buffer';
import type { FieldError } from '@assay/contracts';
import { readRoot, unquoteGitPath } from '@assay/review-engine';
import { unknownField } from './fields.js';

const MAX_CHANGED_FILES = 20_000;
const MAX_PATH_BYTES = 1_024;
const MAX_PATHS_BYTES = 2 * 1024 * 1024;
/** Postgres takes neither in text, and no path has them. */
const UNSTORABLE = /[\0\p{Cs}]/u;

const ENTRY_FORMS = 'must be a path, or {"path": …, "previous_path": …}';

/** ING-1: 1 to 20,000 files, each path at most 1,024 bytes, at most 2 MiB in all. */
export function changedFilesFaults(value: unknown): FieldError[] {
  const pointer = '/changed_files';
  const detail = 'must be an array of paths';
  if (value === undefined) return [{ pointer, code: 'required', detail }];
  if (!Array.isArray(value)) return [{ pointer, code: 'invalid_type', detail }];
  if (value.length === 0 || value.length > MAX_CHANGED_FILES) {
    return [{ pointer, code: 'invalid_value', detail: `must hold 1 to ${MAX_CHANGED_FILES} paths` }];
  }
  const faults: FieldError[] = [];
  let bytes = 0;
  for (let index = 0; index < value.length; index++) {
    bytes += entryBytes(value[index], `${pointer}/${index}`, faults);
  }
  if (bytes > MAX_PATHS_BYTES) {
    faults.push({ pointer, code: 'invalid_value', detail: `must be at most ${MAX_PATHS_BYTES} bytes in all` });
  }
  return faults;
}

/** What an entry adds to the bytes of all; faults go to `faults`. */
function entryBytes(entry: unknown, pointer: string, faults: FieldError[]): number {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return nameBytes(entry, pointer, faults, ENTRY_FORMS);
  }
  const { path, previous_path, ...unknown } = entry as Record<string, unknown>;
  for (const name of Object.keys(unknown)) faults.push(unknownField(pointer, name));
  if (path === undefined) faults.push({ pointer: `${pointer}/path`, code: 'required', detail: 'must be a path' });
  const bytes = path === undefined ? 0 : nameBytes(path, `${pointer}/path`, faults);
  if (previous_path === undefined || previous_path === null) return bytes;
  return bytes + nameBytes(previous_path, `${pointer}/previous_path`, faults);
}

function nameBytes(name: unknown, pointer: string, faults: FieldError[], what?: string): number {
  const detail = pathFault(name, what);
  if (detail === null) return Buffer.byteLength(name as string);
  faults.push({ pointer, code: 'invalid_value', detail });
  return 0;
}

const ROOT_FORMS =
  'must be a depot root (//depot/path) or the absolute path of a workspace (/path, C:\\path, \\\\host\\share), without ..';

/** `root` may be left out or null (VAL-6). */
export function rootFaults(value: unknown): FieldError[] {
  if (value === undefined || value === null) return [];
  const detail = pathFault(value) ?? (readRoot(value as string)?.kind === 'unusable' ? ROOT_FORMS : null);
  return detail === null ? [] : [{ pointer: '/root', code: 'invalid_value', detail }];
}

function pathFault(path: unknown, what = 'must be a path'): string | null {
  if (typeof path !== 'string' || path.trim() === '') return what;
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `must be at most ${MAX_PATH_BYTES} bytes`;
  if (unquoteGitPath(path.trim()) === null) return 'must be quoted as git does, or not at all';
  if (UNSTORABLE.test(path)) return 'must not hold U+0000 or a lone surrogate';
  return null;
}
