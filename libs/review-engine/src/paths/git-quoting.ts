import { Buffer, isUtf8 } from 'node:buffer';

const ESCAPES: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };
const PIECE = /\\([0-3][0-7]{2})|\\([abtnvfr"\\])|([^"\\]+)/y;

/**
 * A path as git prints it in quotes (`"docs/\303\251.md"`), unquoted. Git quotes only what it has to escape, so that
 * a name between quotes without an escape is taken as it is.
 *
 * @returns null when the quoting is broken: an escape that git does not write, a quote inside, bytes that are not UTF-8.
 */
export function unquoteGitPath(path: string): string | null {
  if (!isGitQuoted(path)) return path;
  const inner = path.slice(1, -1);
  const parts: Buffer[] = [];
  for (PIECE.lastIndex = 0; PIECE.lastIndex < inner.length;) {
    const piece = PIECE.exec(inner);
    if (piece === null) return null;
    const [, octal, escape, plain] = piece;
    if (plain !== undefined) parts.push(Buffer.from(plain));
    else parts.push(Buffer.from([escape === undefined ? parseInt(octal!, 8) : ESCAPES[escape]!]));
  }
  const bytes = Buffer.concat(parts);
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

/** Unquoted where it is quoted well, else as it came. */
export function unquoted(path: string): string {
  return unquoteGitPath(path) ?? path;
}

export function isGitQuoted(path: string): boolean {
  return path.length > 2 && path.startsWith('"') && path.endsWith('"') && path.includes('\\');
}
