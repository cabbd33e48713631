import type { KeptFinding } from '../verdict.js';
import { isLongerThan } from './text.js';

/**
 * Findings that share an id (VAL-18): what those of an id say, and the next free name. Made when the first id comes
 * twice, as hardly any result has one; linear in the document, however many do.
 */
export class DuplicateIds {
  /** Ids that stand anywhere in the document as text (`7` is no `ID~2`): none may be given to another finding. */
  private readonly written = new Set<string>();
  private readonly said = new Map<string, Set<string>>();
  private readonly counters = new Map<string, number>();

  /** @param kept those before the first duplicate, so that none is renamed yet. */
  constructor(findings: readonly unknown[], kept: readonly KeptFinding[]) {
    for (const finding of findings) {
      const id = (finding as { id?: unknown } | null)?.id;
      if (typeof id === 'string') this.written.add(id.trim());
    }
    for (const finding of kept) this.note(finding, finding.id);
  }

  /** Remembers what a kept finding says; `id` is the one it came with. */
  note(finding: KeptFinding, id: string): void {
    const said = this.said.get(id);
    if (said === undefined) this.said.set(id, new Set([contentOf(finding)]));
    else said.add(contentOf(finding));
  }

  /** Whether one of its id says the same. */
  says(finding: KeptFinding): boolean {
    return this.said.get(finding.id)?.has(contentOf(finding)) ?? false;
  }

  /** `ID~2`, `ID~3` …; null when that is longer than so many bytes. Each number is tried once. */
  freeName(id: string, max_bytes: number): string | null {
    let number = this.counters.get(id) ?? 2;
    while (this.written.has(`${id}~${number}`)) number++;
    const name = `${id}~${number}`;
    if (isLongerThan(name, max_bytes)) return null;
    this.counters.set(id, number + 1);
    return name;
  }
}

function contentOf({ file, line, category, title }: KeptFinding): string {
  return JSON.stringify([file, line, category, title]);
}
