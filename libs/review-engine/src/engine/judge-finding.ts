import { FieldKind, type Contract, type Field } from '../contract/contract.js';
import type { Limits } from '../policy.js';
import { asciiLowerCase, type Reading } from '../reading.js';
import type { ReasonCode } from '../reason-codes.js';
import type { KeptFinding, Scalar } from '../verdict.js';
import { hasShape } from './clean-finding.js';
import { isNestedBeyond } from './depth.js';
import { hasOuterWhiteSpace, integerOf, isLongerThan } from './text.js';

/** The level at which a finding stands: document, `findings`, finding. */
const FINDING_LEVEL = 3;

/** What was done to a field of a finding. */
export interface Act {
  code: ReasonCode;
  field: string;
  from: unknown;
  to: Scalar;
  /** The field was left out. */
  removed?: true;
  /** Why, of `optional_field_removed`. */
  cause?: ReasonCode;
}

/** The first reason to drop a finding (VAL-5). */
export interface DropReason {
  code: ReasonCode;
  field: string | null;
  /** The field stands in the document, so that a pointer may end in it. */
  present: boolean;
  from: unknown;
  expected: string;
  /** Of an optional field: leaving it out would not mend the finding (VAL-18). */
  lasting?: true;
}

export type Judged =
  | { kind: 'good'; finding: KeptFinding; acts: Act[]; ignored: string[] }
  | { kind: 'drop'; reason: DropReason }
  | { kind: 'too_deep' };

/** Under which a finding is judged. */
export interface FindingTerms {
  contract: Contract;
  limits: Limits;
  /** The contract is the very version the result was written to (VER-3). */
  exact: boolean;
  reading: Reading;
}

/** One finding while its fields are gone through. */
interface Walk {
  terms: FindingTerms;
  written: Record<string, unknown>;
  acts: Act[];
  line: number;
  /** It named no line, so that the rest of its place means nothing. */
  line_defaulted: boolean;
}

/** What goes with a line that was not named (VAL-18). */
const BESIDE_LINE: ReadonlySet<string> = new Set(['end_line', 'column', 'end_column']);
const NUMBERS_TAKEN_AS_TEXT: ReadonlySet<string> = new Set(['id', 'rule_id']);

/**
 * Judges one finding with its reasons: coerces what VAL-3 names and, under the lenient reading, VAL-18, then looks for
 * the first fault in the order of the contract's fields, unknown fields last (VAL-4, VAL-5). Knows nothing of the other
 * findings or the changed files.
 */
export function judgeFinding(value: unknown, terms: FindingTerms): Judged {
  const { contract, limits, exact, reading } = terms;
  if (isNestedBeyond(value, FINDING_LEVEL, limits.max_depth)) return { kind: 'too_deep' };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return drop({ code: 'invalid_type', field: null, present: true, from: value, expected: 'an object' });
  }
  const written = value as Record<string, unknown>;
  const acts: Act[] = [];
  const walk: Walk = { terms, written, acts, line: 0, line_defaulted: false };
  for (const field of contract.fields) {
    const fault = judgeField(walk, field);
    if (fault !== null) return drop(fault);
  }
  const ignored: string[] = [];
  for (const name in written) {
    if (contract.by_name.has(name)) continue;
    if (exact && !reading.lenient) return drop(unknownField(written, name, contract));
    ignored.push(name);
  }
  return { kind: 'good', finding: canonical(written, contract, acts, ignored.length > 0), acts, ignored };
}

/** What did not change keeps its place; without a change it is the very object that was written. */
function canonical(
  written: Record<string, unknown>,
  { by_name }: Contract,
  acts: readonly Act[],
  leavesOut: boolean,
): KeptFinding {
  if (acts.length === 0 && !leavesOut) return written as KeptFinding;
  const removes = acts.some(({ removed }) => removed === true);
  const finding = leavesOut || removes ? remaining(written, by_name, acts) : { ...written };
  for (const { field, to, removed } of acts) if (removed !== true) finding[field] = to;
  return finding as KeptFinding;
}

/** Known members that no act left out, copied: `delete` would make the object a slow one. */
function remaining(
  written: Record<string, unknown>,
  known: ReadonlyMap<string, Field>,
  acts: readonly Act[],
): Record<string, unknown> {
  const finding: Record<string, unknown> = {};
  for (const name in written) {
    if (known.has(name) && !acts.some(({ field, removed }) => removed === true && field === name)) {
      finding[name] = written[name];
    }
  }
  return finding;
}

function judgeField(walk: Walk, field: Field): DropReason | null {
  const value = walk.written[field.name];
  const { lenient } = walk.terms.reading;
  if (lenient && isForgiven(walk, field, value)) return null;
  if (value === undefined) return field.required ? fault('missing_required_field', field, false) : null;
  const acts_before = walk.acts.length;
  const reason = field.kind === FieldKind.Integer ? judgeNumber(walk, field, value) : judgeWords(walk, field, value);
  if (reason === null || field.required || !lenient || reason.lasting === true) return reason;
  walk.acts.length = acts_before;
  leaveOut(walk, 'optional_field_removed', field, value, reason.code);
  return null;
}

/** VAL-18: what stands for "none". */
function isForgiven(walk: Walk, field: Field, value: unknown): boolean {
  const { name, required } = field;
  if (name === 'line') return isNoLine(value) && defaultLine(walk, value);
  if (walk.line_defaulted && BESIDE_LINE.has(name)) {
    if (value !== undefined) leaveOut(walk, 'line_defaulted', field, value);
    return true;
  }
  if (value !== null || required) return false;
  leaveOut(walk, 'null_removed', field, value);
  return true;
}

function isNoLine(value: unknown): boolean {
  return value === undefined || value === null || value === 0 || (typeof value === 'string' && integerOf(value) === 0);
}

function defaultLine(walk: Walk, from: unknown): true {
  walk.acts.push({ code: 'line_defaulted', field: 'line', from, to: 1 });
  walk.line_defaulted = true;
  return true;
}

function leaveOut({ acts }: Walk, code: ReasonCode, { name }: Field, from: unknown, cause?: ReasonCode): void {
  acts.push({ code, field: name, from, to: null, removed: true, ...(cause === undefined ? {} : { cause }) });
}

function judgeNumber(walk: Walk, field: Field, value: unknown): DropReason | null {
  const integer = coerceInteger(value, field, walk.acts);
  if (integer === null) return fault('invalid_type', field, true, value);
  if (field.name === 'line') walk.line = integer;
  return judgeInteger(integer, field, walk.line);
}

function coerceInteger(value: unknown, field: Field, acts: Act[]): number | null {
  if (typeof value === 'number') return Number.isInteger(value) ? value : null;
  const integer = typeof value === 'string' ? integerOf(value) : null;
  if (integer === null) return null;
  acts.push({ code: 'numeric_string_converted', field: field.name, from: value, to: integer });
  return integer;
}

function judgeWords(walk: Walk, field: Field, value: unknown): DropReason | null {
  const { acts, terms } = walk;
  const { limits, reading } = terms;
  if (reading.lenient && Number.isSafeInteger(value) && NUMBERS_TAKEN_AS_TEXT.has(field.name)) {
    acts.push({ code: 'number_converted_to_string', field: field.name, from: value, to: String(value) });
    return null;
  }
  if (typeof value !== 'string') return fault('invalid_type', field, true, value);
  const text = coerceText(value, field, acts);
  const reason = judgeText(text, field, limits);
  if (reason?.code !== 'invalid_enum_value' || !reading.lenient) return reason;
  return mapWord(text, field, walk) ? null : reason;
}

/** VAL-18: a word of the vocabulary in other letter case, or an alias of one. */
function mapWord(text: string, { name, choices }: Field, { acts, terms }: Walk): boolean {
  const folded = asciiLowerCase(text);
  if (choices.has(folded)) {
    acts.push({ code: 'letter_case_folded', field: name, from: text, to: folded });
    return true;
  }
  const meant = terms.reading.aliases.get(name)?.get(folded);
  if (meant === undefined || !choices.has(meant)) return false;
  acts.push({ code: 'alias_mapped', field: name, from: text, to: meant });
  return true;
}

function coerceText(value: string, field: Field, acts: Act[]): string {
  if (!hasOuterWhiteSpace(value)) return value;
  const text = value.trim();
  acts.push({ code: 'whitespace_trimmed', field: field.name, from: value, to: text });
  return text;
}

function judgeInteger(value: number, field: Field, line: number): DropReason | null {
  if (value < field.minimum || value > field.maximum) return fault('invalid_line_range', field, true, value);
  if (field.name !== 'end_line' || value >= line) return null;
  return {
    ...fault('invalid_line_range', field, true, value),
    expected: `line (${line}) or a later one`,
    lasting: true,
  };
}

function judgeText(text: string, field: Field, limits: Limits): DropReason | null {
  if (text === '' && field.required) return fault('empty_value', field, true, text);
  const max_bytes = field.long ? limits.max_message_bytes : limits.max_string_bytes;
  if (isLongerThan(text, max_bytes)) {
    return { ...fault('limit_exceeded', field, true, text), expected: `at most ${max_bytes} bytes` };
  }
  if (field.kind === FieldKind.Choice) {
    return field.choices.has(text) ? null : fault('invalid_enum_value', field, true, text);
  }
  return hasShape(text, field) ? null : fault('schema_mismatch', field, true, text);
}

function unknownField(written: Record<string, unknown>, name: string, contract: Contract): DropReason {
  const from = written[name];
  return { code: 'schema_mismatch', field: name, present: true, from, expected: contract.known_fields };
}

function fault(code: ReasonCode, field: Field, present: boolean, from: unknown = null): DropReason {
  return { code, field: field.name, present, from, expected: field.expected };
}

function drop(reason: DropReason): Judged {
  return { kind: 'drop', reason };
}
