/**
 * Whether a value that itself stands at nesting level `level` (the document is level 1) reaches beyond `max_depth`
 * (VAL-10). Walks with a stack of its own: what is submitted never decides how deep we recurse. Linear.
 */
export function isNestedBeyond(value: unknown, level: number, max_depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // Almost nothing that is submitted holds containers where none belong: then there is nothing to gather.
  if (isFlat(value)) return level > max_depth;
  let current: object[] = [value];
  for (let depth = level; current.length > 0; depth++) {
    if (depth > max_depth) return true;
    const next: object[] = [];
    for (const container of current) {
      for (const member of Object.values(container) as unknown[]) {
        if (typeof member === 'object' && member !== null) next.push(member);
      }
    }
    current = next;
  }
  return false;
}

function isFlat(container: object): boolean {
  for (const name in container) {
    const member = (container as Record<string, unknown>)[name];
    if (typeof member === 'object' && member !== null) return false;
  }
  return true;
}
