import { Buffer } from 'node:buffer';

/** What of a submission the judgement needs; whatever else it holds (recipients, a key) is no matter here. */
export interface JudgedSubmission {
  changed_files: readonly string[];
  root?: string | null;
  case_insensitive_paths?: boolean;
  /** The reviewer's raw output as text, or the JSON value itself. */
  review_result: unknown;
}

export interface SubmissionFault {
  /** JSON Pointer into the submission. */
  pointer: string;
  code: 'required' | 'invalid_type' | 'invalid_value';
  detail: string;
}

const MAX_CHANGED_FILES = 20_000;
const MAX_PATH_BYTES = 1_024;
const MAX_PATHS_BYTES = 2 * 1024 * 1024;
/** Postgres takes neither in text, and no path has them. */
const UNSTORABLE = /[\0\p{Cs}]/u;
/** A caller mends its program by the first few; thousands of answers to one bad loop help nobody. */
const MAX_FAULTS = 100;

/**
 * Reads a submission as for `POST /v1/reviews` for a dry run (VAL-13): recipients, key, changelist and version may be
 * left out, and are not looked at where they are given.
 */
export function readSubmission(value: unknown): { submission: JudgedSubmission } | { faults: SubmissionFault[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { faults: [{ pointer: '', code: 'invalid_type', detail: 'must be an object' }] };
  }
  const members = value as Record<string, unknown>;
  const faults = [
    ...changedFilesFaults(members['changed_files']),
    ...rootFaults(members['root']),
    ...typeFault('/case_insensitive_paths', members['case_insensitive_paths'], 'boolean'),
    ...reviewResultFaults(members['review_result']),
    ...formatFaults(members['review_result_format']),
  ];
  if (faults.length > 0) return { faults: faults.slice(0, MAX_FAULTS) };
  return { submission: members as unknown as JudgedSubmission };
}

/** ING-1: 1 to 20,000 paths, each at most 1,024 bytes, at most 2 MiB in all. */
export function changedFilesFaults(value: unknown): SubmissionFault[] {
  const pointer = '/changed_files';
  if (value === undefined) return [{ pointer, code: 'required', detail: 'must be an array of paths' }];
  if (!Array.isArray(value)) return [{ pointer, code: 'invalid_type', detail: 'must be an array of paths' }];
  if (value.length === 0 || value.length > MAX_CHANGED_FILES) {
    return [{ pointer, code: 'invalid_value', detail: `must hold 1 to ${MAX_CHANGED_FILES} paths` }];
  }
  const faults: SubmissionFault[] = [];
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

/** `root` may be left out or null. */
export function rootFaults(value: unknown): SubmissionFault[] {
  if (value === undefined || value === null) return [];
  const detail = pathFault(value);
  return detail === null ? [] : [{ pointer: '/root', code: 'invalid_value', detail }];
}

function pathFault(path: unknown): string | null {
  if (typeof path !== 'string' || path.trim() === '') return 'must be a path';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `must be at most ${MAX_PATH_BYTES} bytes`;
  if (UNSTORABLE.test(path)) return 'must not hold U+0000 or a lone surrogate';
  return null;
}

function typeFault(pointer: string, value: unknown, type: 'boolean'): SubmissionFault[] {
  if (value === undefined || typeof value === type) return [];
  return [{ pointer, code: 'invalid_type', detail: `must be a ${type}` }];
}

/** A string is raw output, whatever it holds; an object is the document. */
export function reviewResultFaults(value: unknown): SubmissionFault[] {
  const pointer = '/review_result';
  const detail = 'must be a string (the raw output) or an object';
  if (value === undefined) return [{ pointer, code: 'required', detail }];
  const fits = typeof value === 'string' || (typeof value === 'object' && value !== null && !Array.isArray(value));
  return fits ? [] : [{ pointer, code: 'invalid_type', detail }];
}

function formatFaults(value: unknown): SubmissionFault[] {
  if (value === undefined || value === 'json') return [];
  return [{ pointer: '/review_result_format', code: 'invalid_value', detail: 'must be json' }];
}
