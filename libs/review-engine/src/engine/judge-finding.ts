import { FieldKind, type Contract, type Field } from '../contract/contract.js';
import type { Limits } from '../policy.js';
import type { ReasonCode } from '../reason-codes.js';
import type { KeptFinding, Scalar } from '../verdict.js';
import { hasShape } from './clean-finding.js';
import { isNestedBeyond } from './depth.js';
import { hasOuterWhiteSpace, integerOf, isLongerThan } from './text.js';

/** The level at which a finding stands: document, `findings`, finding. */
const FINDING_LEVEL = 3;

export interface Coercion {
  code: ReasonCode;
  field: string;
  from: Scalar;
  to: Scalar;
}

/** The first reason to drop a finding (VAL-5). */
export interface DropReason {
  code: ReasonCode;
  field: string | null;
  /** The field stands in the document, so that a pointer may end in it. */
  present: boolean;
  from: unknown;
  expected: string;
}

export type Judged =
  | { kind: 'good'; finding: KeptFinding; coercions: Coercion[]; ignored: string[] }
  | { kind: 'drop'; reason: DropReason }
  | { kind: 'too_deep' };

/**
 * Judges one finding with its reasons: coerces what VAL-3 names, then looks for the first fault in the order of the
 * contract's fields, unknown fields last (VAL-4, VAL-5). Knows nothing of the other findings or the changed files.
 *
 * @param exact whether the contract is the very version the result was written to: then an unknown field is a fault,
 *   else it is left out (VER-3).
 */
export function judgeFinding(value: unknown, contract: Contract, limits: Limits, exact: boolean): Judged {
  if (isNestedBeyond(value, FINDING_LEVEL, limits.max_depth)) return { kind: 'too_deep' };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return drop({ code: 'invalid_type', field: null, present: true, from: value, expected: 'an object' });
  }
  const written = value as Record<string, unknown>;
  const coercions: Coercion[] = [];
  const seen = { line: 0 };
  for (const field of contract.fields) {
    const fault = judgeField(written, field, limits, coercions, seen);
    if (fault !== null) return drop(fault);
  }
  const ignored: string[] = [];
  for (const name in written) {
    if (contract.by_name.has(name)) continue;
    if (exact) return drop(unknownField(written, name, contract));
    ignored.push(name);
  }
  return { kind: 'good', finding: canonical(written, contract, coercions, ignored.length > 0), coercions, ignored };
}

/** What did not change keeps its place; without a change it is the very object that was written. */
function canonical(
  written: Record<string, unknown>,
  { by_name }: Contract,
  coercions: readonly Coercion[],
  leavesOut: boolean,
): KeptFinding {
  if (coercions.length === 0 && !leavesOut) return written as KeptFinding;
  const known = leavesOut ? Object.entries(written).filter(([name]) => by_name.has(name)) : null;
  const finding = known === null ? { ...written } : Object.fromEntries(known);
  for (const { field, to } of coercions) finding[field] = to;
  return finding as KeptFinding;
}

function judgeField(
  written: Record<string, unknown>,
  field: Field,
  limits: Limits,
  coercions: Coercion[],
  seen: { line: number },
): DropReason | null {
  const value = written[field.name];
  if (value === undefined) return field.required ? fault('missing_required_field', field, false) : null;
  if (field.kind === FieldKind.Integer) {
    const integer = coerceInteger(value, field, coercions);
    if (integer === null) return fault('invalid_type', field, true, value);
    if (field.name === 'line') seen.line = integer;
    return judgeInteger(integer, field, seen.line);
  }
  if (typeof value !== 'string') return fault('invalid_type', field, true, value);
  const text = coerceText(value, field, coercions);
  return judgeText(text, field, limits);
}

function coerceInteger(value: unknown, field: Field, coercions: Coercion[]): number | null {
  if (typeof value === 'number') return Number.isInteger(value) ? value : null;
  const integer = typeof value === 'string' ? integerOf(value) : null;
  if (integer === null) return null;
  coercions.push({ code: 'numeric_string_converted', field: field.name, from: value as string, to: integer });
  return integer;
}

function coerceText(value: string, field: Field, coercions: Coercion[]): string {
  if (!hasOuterWhiteSpace(value)) return value;
  const text = value.trim();
  coercions.push({ code: 'whitespace_trimmed', field: field.name, from: value, to: text });
  return text;
}

function judgeInteger(value: number, field: Field, line: number): DropReason | null {
  if (value < field.minimum || value > field.maximum) return fault('invalid_line_range', field, true, value);
  if (field.name !== 'end_line' || value >= line) return null;
  return { ...fault('invalid_line_range', field, true, value), expected: `line (${line}) or a later one` };
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
