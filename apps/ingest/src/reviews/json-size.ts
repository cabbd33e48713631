/**
 * Bytes of a JSON value as compact UTF-8 JSON, counted until they exceed `limit`. Without recursion, as nesting may
 * be of any depth.
 */
export function jsonBytesUpTo(value: unknown, limit: number): number {
  const pending: unknown[] = [value];
  let bytes = 0;
  while (pending.length > 0 && bytes <= limit) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null) {
      bytes += Buffer.byteLength(JSON.stringify(next));
    } else if (Array.isArray(next)) {
      bytes += 2 + Math.max(0, next.length - 1);
      for (const entry of next) pending.push(entry);
    } else {
      const entries = Object.entries(next);
      bytes += 2 + Math.max(0, entries.length - 1);
      for (const [name, member] of entries) {
        bytes += Buffer.byteLength(JSON.stringify(name)) + 1;
        pending.push(member);
      }
    }
  }
  return bytes;
}
