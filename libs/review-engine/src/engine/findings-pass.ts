import type { ChangedFiles } from '../paths/index.js';
import type { KeptFinding } from '../verdict.js';
import { isCleanFinding } from './clean-finding.js';
import { DuplicateIds } from './duplicate-ids.js';
import { pointerToken, type Diagnostics } from './diagnostics.js';
import { judgeFinding, type Act, type DropReason, type FindingTerms, type Judged } from './judge-finding.js';
import { nestedTooDeep, type Refusal } from './judge-top-level.js';
import { TakenIds } from './taken-ids.js';

/** One pass over the findings. `kept` stays null, and nothing is copied, until the first finding that changes. */
export class FindingsPass {
  kept: KeptFinding[] | null = null;
  coerced = 0;
  readonly lines_defaulted: string[] = [];
  private readonly ids = new TakenIds();
  /** Made at the first id that is taken, under the lenient reading. */
  private duplicates: DuplicateIds | null = null;

  constructor(
    private readonly findings: readonly unknown[],
    private readonly terms: FindingTerms,
    private readonly files: ChangedFiles,
    private readonly diagnostics: Diagnostics,
  ) {}

  judge(): Refusal | null {
    const { findings, ids, files, terms } = this;
    const { contract, limits } = terms;
    for (let index = 0; index < findings.length; index++) {
      const value = findings[index];
      const clean = isObject(value) && isCleanFinding(value, contract, limits);
      if (clean) {
        const { id, file } = value as KeptFinding;
        if (files.match(file) === file && ids.take(id)) {
          this.kept?.push(value as KeptFinding);
          this.duplicates?.note(value as KeptFinding, id);
          continue;
        }
      }
      const refusal = this.judgeOdd(value, index, clean);
      if (refusal !== null) return refusal;
    }
    return null;
  }

  /** A finding that has to be changed, explained or dropped; one that is clean by itself for its id or its file. */
  private judgeOdd(value: unknown, index: number, clean: boolean): Refusal | null {
    const judged: Judged = clean ? asWritten(value as KeptFinding) : judgeFinding(value, this.terms);
    const { max_depth } = this.terms.limits;
    if (judged.kind === 'too_deep') return nestedTooDeep('findings', `/findings/${index}`, max_depth);
    // Everything before this one came through as it was, or `kept` would be there already.
    this.kept ??= this.findings.slice(0, index) as KeptFinding[];
    const reason = judged.kind === 'drop' ? judged.reason : this.reconcile(value, index, judged);
    if (reason !== null) this.diagnostics.addDrop(reason, index, value);
    return null;
  }

  /** Duplicates, then files (VAL-4, VAL-6): what needs the other findings and the change. */
  private reconcile(
    value: unknown,
    index: number,
    judged: { finding: KeptFinding; acts: Act[]; ignored: string[] },
  ): DropReason | null {
    const { acts, ignored } = judged;
    let { finding } = judged;
    const { id } = finding;
    const isFree = this.ids.take(id);
    if (!isFree && !this.terms.reading.lenient) return duplicate(id);
    const file = this.files.match(finding.file);
    if (file === null) return unknownFile(finding.file, this.files.nearest(finding.file));
    if (file !== finding.file) {
      acts.push({ code: 'path_normalized', field: 'file', from: finding.file, to: file });
      finding = { ...finding, file };
    }
    if (!isFree) {
      const renamed = this.rename(finding);
      if (typeof renamed !== 'string') return renamed;
      acts.push({ code: 'duplicate_id_renamed', field: 'id', from: id, to: renamed });
      finding = { ...finding, id: renamed };
    }
    this.duplicates?.note(finding, id);
    this.keep(finding, acts);
    this.explain(value as Record<string, unknown>, index, finding, acts, ignored);
    return null;
  }

  /** VAL-18: another id for a finding that says something else than those of its id; the reason to drop it otherwise. */
  private rename(finding: KeptFinding): string | DropReason {
    const { id } = finding;
    this.duplicates ??= new DuplicateIds(this.findings, this.kept!);
    if (this.duplicates.says(finding)) return duplicate(id);
    const { max_string_bytes } = this.terms.limits;
    const renamed = this.duplicates.freeName(id, max_string_bytes);
    const expected = `an id of its own; with a number it would be over ${max_string_bytes} bytes`;
    return renamed ?? { code: 'limit_exceeded', field: 'id', present: true, from: id, expected };
  }

  private keep(finding: KeptFinding, acts: readonly Act[]): void {
    if (acts.length > 0) this.coerced++;
    if (acts.some(({ code }) => code === 'line_defaulted')) this.lines_defaulted.push(finding.id);
    this.kept!.push(finding);
  }

  private explain(
    written: Record<string, unknown>,
    finding_index: number,
    finding: KeptFinding,
    acts: readonly Act[],
    ignored: readonly string[],
  ): void {
    for (const act of acts) this.diagnostics.addAct(act, finding_index, finding);
    const { id: finding_id, file, line } = finding;
    for (const field of ignored) {
      const pointer = `/findings/${finding_index}/${pointerToken(field)}`;
      const expected = `a field of contract ${this.terms.contract.version}`;
      const facts = { finding_id, finding_index, file, line, field, pointer, from: written[field], expected };
      this.diagnostics.add({ code: 'unknown_field_ignored', kind: 'warning', ...facts });
    }
  }
}

function asWritten(finding: KeptFinding): Judged {
  return { kind: 'good', finding, acts: [], ignored: [] };
}

function duplicate(id: string): DropReason {
  return { code: 'duplicate_finding_id', field: 'id', present: true, from: id, expected: 'an id of its own' };
}

function unknownFile(file: string, nearest: string | null): DropReason {
  // A long path would make the text long: then its name alone says nothing that the submission does not.
  const hint = nearest === null || nearest.length > 200 ? '' : `; the nearest is ${nearest}`;
  const expected = `one of the changed files${hint}`;
  return { code: 'file_not_in_changed_files', field: 'file', present: true, from: file, expected };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
