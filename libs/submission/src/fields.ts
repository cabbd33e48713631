import type { FieldError } from '@assay/contracts';

/** What is wrong with a value, as what it must be; null where nothing is. */
type Check = (value: unknown) => string | null;

const CHANGELIST = /^[A-Za-z0-9._:/@#+-]{1,128}$/;
const MAX_VERSION = 2_147_483_647;
const MAX_PRIORITY = 9;
const POINTER_CHARACTERS = 128;

/** Members of a few bytes. Plain code: class-validator takes 6 µs a submission, and 600 ms to load at a terminal. */
const CHECKS: Record<string, Check> = {
  changelist_id: changelistFault,
  review_version: (value) => integerFault(value, 1, MAX_VERSION),
  rerun: booleanFault,
  priority: (value) => integerFault(value, 0, MAX_PRIORITY),
  case_insensitive_paths: booleanFault,
  review_result_format: (value) => (value === 'json' ? null : 'must be json'),
};
const REQUIRED = new Set(['changelist_id', 'review_version']);
/** Judged elsewhere in this folder. */
const OTHERS = ['idempotency_key', 'recipients', 'changed_files', 'review_result', 'root'];
const KNOWN: ReadonlySet<string> = new Set([...Object.keys(CHECKS), ...OTHERS]);
/** What a dry run takes beside these. */
const OF_DRY_RUNS: ReadonlySet<string> = new Set(['policy']);

/** Unknown members, and every fault of those of a few bytes. Optional means absent: `null` is a wrong type. */
export function fieldFaults(members: Record<string, unknown>, dry_run: boolean): FieldError[] {
  const known = (name: string) => KNOWN.has(name) || (dry_run && OF_DRY_RUNS.has(name));
  const errors = Object.keys(members).flatMap((name) => (known(name) ? [] : [unknownField('', name)]));
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = members[name];
    if (value === undefined && !REQUIRED.has(name)) continue;
    const detail = check(value);
    if (detail === null) continue;
    if (name === 'review_result_format' && value === 'sarif') errors.push(SARIF);
    else errors.push({ pointer: `/${name}`, code: value === undefined ? 'required' : 'invalid_value', detail });
  }
  return errors;
}

const SARIF: FieldError = {
  pointer: '/review_result_format',
  code: 'unsupported_format',
  detail:
    'SARIF is not read yet: turn its results into the findings of a review result, and leave review_result_format out',
};

/** An integer is as good as a string (ING-1); a safe one only, as any other has been rounded by now. */
function changelistFault(value: unknown): string | null {
  if (Number.isSafeInteger(value) || (typeof value === 'string' && CHANGELIST.test(value))) return null;
  return 'must be an integer or a string of 1 to 128 of A-Z a-z 0-9 . _ : / @ # + -';
}

function integerFault(value: unknown, least: number, most: number): string | null {
  const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return fits ? null : `must be an integer from ${least} to ${most}`;
}

function booleanFault(value: unknown): string | null {
  return typeof value === 'boolean' ? null : 'must be true or false';
}

export function unknownField(parent: string, name: string): FieldError {
  // Cut, as an unknown field's name can be of any length.
  const segment = name.slice(0, POINTER_CHARACTERS).replaceAll('~', '~0').replaceAll('/', '~1');
  return { pointer: `${parent}/${segment}`, code: 'unknown_field', detail: 'is not a field here' };
}
