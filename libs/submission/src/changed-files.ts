import { Buffer } from 'node:buffer';
import type { FieldError } from '@assay/contracts';
import { readRoot, unquoteGitPath } from '@assay/review-engine';

const MAX_CHANGED_FILES = 20_000;
const MAX_PATH_BYTES = 1_024;
const MAX_PATHS_BYTES = 2 * 1024 * 1024;
/** Postgres takes neither in text, and no path has them. */
const UNSTORABLE = /[\0\p{Cs}]/u;

/** ING-1: 1 to 20,000 paths, each at most 1,024 bytes, at most 2 MiB in all. */
export function changedFilesFaults(value: unknown): FieldError[] {
  const pointer = '/changed_files';
  if (value === undefined) return [{ pointer, code: 'required', detail: 'must be an array of paths' }];
  if (!Array.isArray(value)) return [{ pointer, code: 'invalid_type', detail: 'must be an array of paths' }];
  if (value.length === 0 || value.length > MAX_CHANGED_FILES) {
    return [{ pointer, code: 'invalid_value', detail: `must hold 1 to ${MAX_CHANGED_FILES} paths` }];
  }
  const faults: FieldError[] = [];
  let bytes = 0;
  for (let index = 0; index < value.length; index++) {
    const detail = pathFault(value[index]);
    if (detail !== null) faults.push({ pointer: `${pointer}/${index}`, code: 'invalid_value', detail });
    else bytes += Buffer.byteLength(value[index] as string);
  }
  if (bytes > MAX_PATHS_BYTES) {
    faults.push({ pointer, code: 'invalid_value', detail: `must be at most ${MAX_PATHS_BYTES} bytes in all` });
  }
  return faults;
}

const ROOT_FORMS =
  'must be a depot root (//depot/path) or the absolute path of a workspace (/path, C:\\path, \\\\host\\share), without ..';

/** `root` may be left out or null (VAL-6). */
export function rootFaults(value: unknown): FieldError[] {
  if (value === undefined || value === null) return [];
  const detail = pathFault(value) ?? (readRoot(value as string)?.kind === 'unusable' ? ROOT_FORMS : null);
  return detail === null ? [] : [{ pointer: '/root', code: 'invalid_value', detail }];
}

function pathFault(path: unknown): string | null {
  if (typeof path !== 'string' || path.trim() === '') return 'must be a path';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `must be at most ${MAX_PATH_BYTES} bytes`;
  if (unquoteGitPath(path.trim()) === null) return 'must be quoted as git does, or not at all';
  if (UNSTORABLE.test(path)) return 'must not hold U+0000 or a lone surrogate';
  return null;
}
