/** One move of a state machine; `from` is null where a subject is born in that state. */
export interface Move {
  from: string | null;
  to: string;
  causes?: readonly string[];
}

/** Moves from the form `state → states that may follow`. */
export function movesOf(table: Readonly<Record<string, readonly string[]>>, born: string): Move[] {
  const moves = Object.entries(table).flatMap(([from, targets]) => targets.map((to) => ({ from, to })));
  return [{ from: null, to: born }, ...moves];
}

/** A state machine as a Mermaid diagram; states that nothing leaves end in the final mark. */
export function diagram(moves: readonly Move[]): string {
  const states = [...new Set(moves.flatMap(({ from, to }) => (from === null ? [to] : [from, to])))];
  const ends = states.filter((state) => !moves.some(({ from, to }) => from === state && to !== state));
  const lines = moves.map(({ from, to, causes }) => {
    const label = causes?.length ? `: ${causes.join(', ')}` : '';
    return `  ${from ?? '[*]'} --> ${to}${label}`;
  });
  return ['```mermaid', 'stateDiagram-v2', ...lines, ...ends.map((state) => `  ${state} --> [*]`), '```'].join('\n');
}
