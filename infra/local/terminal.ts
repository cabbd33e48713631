/** Output for people: coloured on a terminal, plain text anywhere else (and with NO_COLOR). */
const coloured = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const LINE_WIDTH = 100;
const STILL_THERE_MS = 5_000;

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
};
type Paint = (text: string | number) => string;

function paint(name: keyof typeof CODES): Paint {
  const [on, off] = CODES[name];
  return (text) => (coloured ? `\u001b[${on}m${text}\u001b[${off}m` : String(text));
}
export const bold = paint('bold');
export const dim = paint('dim');
export const red = paint('red');
export const green = paint('green');
export const yellow = paint('yellow');
export const blue = paint('blue');
export const cyan = paint('cyan');

const ESCAPES = /\u001b\[\d+m/g;

export function visibleWidth(text: string): number {
  return text.replace(ESCAPES, '').length;
}

export function padTo(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleWidth(text)));
}

/** Cut to `width` with an ellipsis; what comes from outside is shown without its control characters. */
export function clip(text: string, width: number): string {
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return plain.length > width ? `${plain.slice(0, width - 1)}…` : plain;
}

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function heading(title: string): void {
  say();
  say(bold(`━━ ${title} ${'━'.repeat(Math.max(0, LINE_WIDTH - title.length - 4))}`));
}

export function note(text: string): void {
  say(dim(`  ${text}`));
}

/** Columns as wide as their widest cell; the first row is the head. */
export function table(rows: readonly (readonly string[])[], indent = 2): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => visibleWidth(row[column] ?? ''))));
  rows.forEach((row, index) => {
    const cells = row.map((cell, column) => padTo(cell, widths[column] ?? 0));
    const line = ' '.repeat(indent) + cells.join('   ').trimEnd();
    say(index === 0 ? dim(line) : line);
  });
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** Runs one step and says how long it took; a long one says now and then that it is still at it. */
export async function step<T>(title: string, work: (progress: (line: string) => void) => Promise<T>): Promise<T> {
  const since = performance.now();
  let doing = title;
  const waiting = setInterval(() => note(`… ${doing}, ${seconds(since)}`), STILL_THERE_MS);
  try {
    const result = await work((line) => (doing = line));
    say(`  ${green('✓')} ${title} ${dim(`(${seconds(since)})`)}`);
    return result;
  } catch (error) {
    const interrupted = error instanceof DOMException && error.name === 'AbortError';
    if (!interrupted) say(`  ${red('✗')} ${title}`);
    throw error;
  } finally {
    clearInterval(waiting);
  }
}
