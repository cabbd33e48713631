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

function changedFilesFaults(value: unknown): SubmissionFault[] {
  const pointer = '/changed_files';
  if (value === undefined) return [{ pointer, code: 'required', detail: 'must be an array of paths' }];
  if (!Array.isArray(value)) return [{ pointer, code: 'invalid_type', detail: 'must be an array of paths' }];
  if (value.length === 0 || value.length > MAX_CHANGED_FILES) {
    return [{ pointer, code: 'invalid_value', detail: `must hold 1 to ${MAX_CHANGED_FILES} paths` }];
  }
  const faults = value.flatMap((path: unknown, index) => pathFaults(`${pointer}/${index}`, path));
  const bytes = faults.length > 0 ? 0 : (value as string[]).reduce((sum, path) => sum + Buffer.byteLength(path), 0);
  if (bytes <= MAX_PATHS_BYTES) return faults;
  return [{ pointer, code: 'invalid_value', detail: `must be at most ${MAX_PATHS_BYTES} bytes in all` }];
}

function pathFaults(pointer: string, path: unknown): SubmissionFault[] {
  if (typeof path !== 'string' || path.trim() === '') {
    return [{ pointer, code: 'invalid_value', detail: 'must be a path' }];
  }
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return [];
  return [{ pointer, code: 'invalid_value', detail: `must be at most ${MAX_PATH_BYTES} bytes` }];
}

function rootFaults(value: unknown): SubmissionFault[] {
  return value === undefined ? [] : pathFaults('/root', value);
}

function typeFault(pointer: string, value: unknown, type: 'boolean'): SubmissionFault[] {
  if (value === undefined || typeof value === type) return [];
  return [{ pointer, code: 'invalid_type', detail: `must be a ${type}` }];
}

function reviewResultFaults(value: unknown): SubmissionFault[] {
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
