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
  const canonical = new Map<string, unknown>();
  for (const field of contract.fields) {
    const judged = judgeField(written, field, limits, coercions, canonical);
    if (judged !== null) return drop(judged);
  }
  const unknown = Object.keys(written).filter((name) => !contract.by_name.has(name));
  if (exact && unknown.length > 0) return drop(unknownField(written, unknown[0]!, contract));
  if (coercions.length === 0 && unknown.length === 0) {
    return { kind: 'good', finding: written as KeptFinding, coercions, ignored: unknown };
  }
  // In the order in which they were written: what did not change keeps its place.
  const kept = Object.keys(written).filter((name) => canonical.has(name));
  const finding = Object.fromEntries(kept.map((name) => [name, canonical.get(name)])) as KeptFinding;
  return { kind: 'good', finding, coercions, ignored: unknown };
}

function judgeField(
  written: Record<string, unknown>,
  field: Field,
  limits: Limits,
  coercions: Coercion[],
  canonical: Map<string, unknown>,
): DropReason | null {
  const value = Object.hasOwn(written, field.name) ? written[field.name] : undefined;
  if (value === undefined) return field.required ? fault('missing_required_field', field, false) : null;
  if (field.kind === FieldKind.Integer) {
    const integer = coerceInteger(value, field, coercions);
    if (integer === null) return fault('invalid_type', field, true, value);
    canonical.set(field.name, integer);
    return judgeInteger(integer, field, canonical);
  }
  if (typeof value !== 'string') return fault('invalid_type', field, true, value);
  const text = coerceText(value, field, coercions);
  canonical.set(field.name, text);
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

function judgeInteger(value: number, field: Field, canonical: Map<string, unknown>): DropReason | null {
  if (value < field.minimum || value > field.maximum) return fault('invalid_line_range', field, true, value);
  const line = canonical.get('line') as number;
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
  const expected = `only the fields of contract ${contract.version}: ${[...contract.by_name.keys()].join(', ')}`;
  return { code: 'schema_mismatch', field: name, present: true, from: written[name], expected };
}

function fault(code: ReasonCode, field: Field, present: boolean, from: unknown = null): DropReason {
  return { code, field: field.name, present, from, expected: field.expected };
}

function drop(reason: DropReason): Judged {
  return { kind: 'drop', reason };
}
