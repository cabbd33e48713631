import { FieldKind, type Contract, type Field } from '../contract/contract.js';
import type { Limits } from '../policy.js';
import { characters, hasOuterWhiteSpace, isLongerThan } from './text.js';

/**
 * Whether a finding is in canonical form as it stands, by itself (its id and file are judged later). Allocates nothing.
 * Almost every finding is, so this is the path that counts; it says no as soon as anything is odd, in whatever order
 * the members come, and leaves the reasons to `judgeFinding`.
 *
 * One walk over the members there are: asking for each field of the contract by name and then counting members was
 * slower, because findings with other optional fields have other hidden classes. Members mostly come in the contract's
 * order, so the field that follows the last one is tried before its name is looked up.
 */
export function isCleanFinding(finding: Record<string, unknown>, contract: Contract, limits: Limits): boolean {
  const { fields, by_name } = contract;
  let seen = 0;
  let place = 0;
  let line = 1;
  let end_line = Number.MAX_SAFE_INTEGER;
  for (const name in finding) {
    let field = fields[place];
    if (field === undefined || field.name !== name) field = by_name.get(name);
    if (field === undefined) return false;
    place = field.place + 1;
    const value = finding[name];
    if (field.kind === FieldKind.Integer) {
      if (!isCleanInteger(value, field)) return false;
      if (name === 'line') line = value as number;
      else if (name === 'end_line') end_line = value as number;
    } else if (typeof value !== 'string') {
      return false;
    } else if (field.kind === FieldKind.Choice) {
      if (!field.choices.has(value)) return false;
    } else if (!isCleanText(value, field, limits)) {
      return false;
    }
    seen |= field.bit;
  }
  return (seen & contract.required) === contract.required && end_line >= line;
}

function isCleanInteger(value: unknown, field: Field): boolean {
  return Number.isSafeInteger(value) && (value as number) >= field.minimum && (value as number) <= field.maximum;
}

function isCleanText(value: string, field: Field, limits: Limits): boolean {
  if (value.length === 0) return !field.required && hasShape(value, field);
  if (hasOuterWhiteSpace(value)) return false;
  if (isLongerThan(value, field.long ? limits.max_message_bytes : limits.max_string_bytes)) return false;
  return hasShape(value, field);
}

/** The shape that the contract asks of a text beyond "trimmed". */
export function hasShape(value: string, field: Field): boolean {
  if (field.shape !== null && !field.shape.test(value)) return false;
  if (field.min_characters === 0 && field.max_characters === Number.POSITIVE_INFINITY) return true;
  const length = characters(value);
  return length >= field.min_characters && length <= field.max_characters;
}
