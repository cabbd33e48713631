import type { DiagnosticKind, ReasonCode } from '../reason-codes.js';
import type { Diagnostic, Scalar } from '../verdict.js';
import { normalizePath } from '../paths/index.js';
import type { KeptFinding } from '../verdict.js';
import type { ByteOffsets, Edit } from '../repair/index.js';
import type { Act, DropReason } from './judge-finding.js';
import { integerOf, preview } from './text.js';

const NOTHING = {};

export interface DiagnosticFacts {
  code: ReasonCode;
  kind: DiagnosticKind;
  finding_id?: string | null;
  finding_index?: number | null;
  field?: string | null;
  pointer?: string | null;
  from?: unknown;
  to?: Scalar;
  file?: string | null;
  line?: number | null;
  expected?: string | null;
  cause?: ReasonCode;
}

/** Collects diagnostics: the first so many are kept, all are counted (VAL-10). */
export class Diagnostics {
  readonly kept: Diagnostic[] = [];
  readonly by_code: Partial<Record<ReasonCode, number>> = {};
  /** Findings came as a string: pointers into them run through it (VAL-18). */
  through_string = false;

  constructor(
    private readonly max_kept: number,
    private readonly redact: (text: string) => string,
  ) {}

  add(facts: DiagnosticFacts): void {
    this.count(facts.code);
    if (this.kept.length < this.max_kept) this.keep(this.shape(facts), facts.cause);
  }

  /** Members that few diagnostics have are added to these alone. */
  private keep(diagnostic: Diagnostic, cause?: ReasonCode): void {
    if (cause !== undefined) diagnostic.cause = cause;
    if (this.through_string && diagnostic.finding_index !== null) diagnostic.through = '/findings';
    this.kept.push(diagnostic);
  }

  /**
   * What was done to a finding that is kept. Written out member by member, like {@link addDrop}: these two are called
   * most, and gathering facts from spread objects first took twice as long.
   */
  addAct({ code, field, from, to, cause }: Act, index: number, { id, file, line }: KeptFinding): void {
    this.count(code);
    if (this.kept.length >= this.max_kept) return;
    this.keep(
      {
        code,
        kind: 'coercion',
        finding_id: this.text(id),
        finding_index: index,
        field,
        pointer: `/findings/${index}/${field}`,
        from: this.scalar(from),
        to: this.scalar(to),
        file: this.text(file),
        line,
        expected: null,
      },
      cause,
    );
  }

  /** A repair of the raw output, with its place in bytes (VAL-16). Repairs come in the order of their places. */
  addRepair({ code, removed, inserted, at }: Edit, text: string, offsets: ByteOffsets): void {
    this.count(code);
    if (this.kept.length >= this.max_kept) return;
    const from = code === 'invalid_escape_escaped' ? '\\' : text.slice(at, at + removed);
    const to = code === 'invalid_escape_escaped' ? '\\\\' : inserted;
    this.kept.push({ ...this.shape({ code, kind: 'repair', from, to }), offset: offsets.of(at) });
  }

  /** The one diagnostic of a finding that is dropped (VAL-5): id, file and line as far as they parse. */
  addDrop({ code, field, present, from, expected }: DropReason, index: number, value: unknown): void {
    this.count(code);
    if (this.kept.length >= this.max_kept) return;
    const written = (typeof value === 'object' && value !== null ? value : NOTHING) as Record<string, unknown>;
    const shown = this.text(field);
    // A name that may not stand here whole may not stand in a pointer either: then it points to what holds the field.
    const member = field === null || !present || shown !== field ? '' : `/${pointerToken(field)}`;
    this.keep({
      code,
      kind: 'drop',
      finding_id: this.text(idOf(written)),
      finding_index: index,
      field: shown,
      pointer: `/findings/${index}${member}`,
      from: this.scalar(from),
      to: null,
      file: this.text(fileOf(written)),
      line: lineOf(written),
      expected,
    });
  }

  private count(code: ReasonCode): void {
    this.by_code[code] = (this.by_code[code] ?? 0) + 1;
  }

  /** For what concerns the whole response: kept even when the list is full. */
  addAlways(facts: DiagnosticFacts): void {
    if (this.kept.length >= this.max_kept) this.kept.pop();
    this.add(facts);
  }

  private shape(facts: DiagnosticFacts): Diagnostic {
    const field = this.text(facts.field ?? null);
    // A name that may not stand here whole may not stand in a pointer either: then it points to what holds the field.
    const whole = field === (facts.field ?? null);
    return {
      code: facts.code,
      kind: facts.kind,
      finding_id: this.text(facts.finding_id ?? null),
      finding_index: facts.finding_index ?? null,
      field,
      pointer: whole ? (facts.pointer ?? null) : parentOf(facts.pointer ?? null),
      from: this.scalar(facts.from),
      to: this.scalar(facts.to),
      file: this.text(facts.file ?? null),
      line: facts.line ?? null,
      expected: facts.expected ?? null,
    };
  }

  private scalar(value: unknown): Scalar {
    if (typeof value === 'string') return preview(value, this.redact);
    if (typeof value === 'boolean') return value;
    // `1e400` was parsed to Infinity, which JSON cannot say.
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  }

  private text(value: string | null): string | null {
    return value === null ? null : preview(value, this.redact);
  }
}

function idOf({ id }: Record<string, unknown>): string | null {
  const text = typeof id === 'string' ? id.trim() : '';
  return text === '' ? null : text;
}

function fileOf({ file }: Record<string, unknown>): string | null {
  const text = typeof file === 'string' ? file.trim() : '';
  return text === '' ? null : (normalizePath(text) ?? text);
}

function lineOf({ line }: Record<string, unknown>): number | null {
  const integer = typeof line === 'string' ? integerOf(line) : line;
  return Number.isSafeInteger(integer) && (integer as number) >= 1 ? (integer as number) : null;
}

/** A JSON Pointer's reference token (RFC 6901). */
export function pointerToken(name: string): string {
  if (!name.includes('~') && !name.includes('/')) return name;
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function parentOf(pointer: string | null): string | null {
  return pointer === null ? null : pointer.slice(0, pointer.lastIndexOf('/'));
}
