/** What a command may do to the world; tests give their own. */
export interface Terminal {
  /** A file's bytes; `-` is standard input. Throws as `readFileSync` does. */
  read(file: string): Buffer;
  /** Runs a program here to its end. */
  run(program: string, args: readonly string[]): Ran;
  out(text: string): void;
  err(text: string): void;
  /** Where the service is and who asks, unless said on the command line. */
  env: Readonly<Record<string, string | undefined>>;
  colour: boolean;
  /** Width to keep tables within. */
  columns: number;
}

export interface Ran {
  status: number | null;
  stdout: Buffer;
  stderr: string;
  /** Why it could not be run: `ENOENT`. */
  error?: string | undefined;
}

/** Wrong use: told on standard error, exit code 2. */
export class UsageError extends Error {}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

export function painter({ colour }: Pick<Terminal, 'colour'>): Paint {
  return (name, text) => (colour ? `\u001b[${CODES[name]}m${text}\u001b[0m` : text);
}

/** C0, C1, and what turns the direction of text: a finding must not drive the reader's terminal. */

const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/g;
const SURROGATE_PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

/** Text from outside as it may be shown: what cannot be printed comes as its escape. */
export function printable(text: string): string {
  const pairs = text.match(SURROGATE_PAIR);
  const escape = (part: string) =>
    part.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  if (pairs === null) return escape(text);
  return text
    .split(SURROGATE_PAIR)
    .map((part, index) => escape(part) + (pairs[index] ?? ''))
    .join('');
}

const GAP = 2;

/** Rows under headings; all columns as wide as they need, the last wrapped to what is left of the line. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  // Not `Math.max(...)`: more rows than a call takes arguments may come.
  const widths = headings.map((heading, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length), heading.length),
  );
  const last = widths.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP, 0);
  widths[last] = Math.max(20, options.columns - before);
  const lines = [headings, ...rows].flatMap((row, index) => {
    const text = row.slice(0, last).map((cell, column) => cell.padEnd(widths[column]! + GAP));
    const [first, ...more] = wrap(row[last] ?? '', widths[last]!);
    const line = `${text.join('')}${first}`;
    return [index === 0 ? options.paint('dim', line) : line, ...more.map((part) => `${' '.repeat(before)}${part}`)];
  });
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

export interface TableOptions {
  columns: number;
  paint: Paint;
}

/** At white space where there is some, within a word where there is none. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
