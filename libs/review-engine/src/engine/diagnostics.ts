import type { DiagnosticKind, ReasonCode } from '../reason-codes.js';
import type { Diagnostic, Scalar } from '../verdict.js';
import { preview } from './text.js';

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
}

/** Collects diagnostics: the first so many are kept, all are counted (VAL-10). */
export class Diagnostics {
  readonly kept: Diagnostic[] = [];
  readonly by_code: Partial<Record<ReasonCode, number>> = {};

  constructor(
    private readonly max_kept: number,
    private readonly redact: (text: string) => string,
  ) {}

  add(facts: DiagnosticFacts): void {
    this.by_code[facts.code] = (this.by_code[facts.code] ?? 0) + 1;
    if (this.kept.length < this.max_kept) this.kept.push(this.shape(facts));
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
    if (typeof value === 'number' || typeof value === 'boolean') return value;
    return null;
  }

  private text(value: string | null): string | null {
    return value === null ? null : preview(value, this.redact);
  }
}

/** A JSON Pointer's reference token (RFC 6901). */
export function pointerToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function parentOf(pointer: string | null): string | null {
  return pointer === null ? null : pointer.slice(0, pointer.lastIndexOf('/'));
}
