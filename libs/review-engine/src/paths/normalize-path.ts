import { unquoted } from './git-quoting.js';

const SLASH = 47;
const DOT = 46;
const QUOTE = 34;
const COLON = 58;
/** What normalising may change in a depot path beside its segments. By RegExp 8 ns a path, by `indexOf` in its last segment 36. */
const DOUBTFUL_IN_DEPOT = /[#@\u0300-\uffff]/;
/** In a string of Latin-1 characters alone, as almost every path is, V8 need not look: none of them is composed. */
const MAY_NEED_COMPOSING = /[\u0300-\uffff]/;
const ON_WINDOWS = /^(?:[A-Za-z]:[\\/]|\\\\)/;
const FILE_URI = /^file:(?:\/\/[^/]*)?(?=\/)/i;

/**
 * A file's path in its one normal form (VAL-6): surrounding white space off, git's quoting and a `file:` URI undone,
 * Unicode NFC, `\` as `/`, leading `./`, `.` segments and repeated inner `/` out, a depot path's revision (`#12`,
 * `#head`, `@4242`, `@label`) off. A leading `//` (a depot) is kept, and so is case. The normal form of a normal form is
 * itself.
 *
 * @returns null for what can name no file: nothing at all, a `..` segment, a directory (a trailing `/`).
 */
export function normalizePath(path: string): string | null {
  return isNormalPath(path) ? path : normalized(path, true);
}

/**
 * The normal form of a name with `\` as a character like any other, as git knows it where it is one (VAL-6).
 *
 * @returns null where the name has no `\`, where `\` can only separate (a drive, a share), where it names no file once it
 * does, and where this form would be read as another one.
 */
export function literalPath(path: string): string | null {
  // A `file:` URI may write it as %5C. Not by RegExp, which took a tenth of what 200 changed files cost.
  if (!path.includes('\\') && !path.includes('%')) return null;
  const literal = normalized(path, false);
  if (literal === null || !literal.includes('\\') || ON_WINDOWS.test(literal)) return null;
  return normalizePath(literal) === null || normalized(literal, false) !== literal ? null : literal;
}

function normalized(path: string, backslash_separates: boolean): string | null {
  const name = composed(fromUri(unquoted(path.trim()).trim()));
  const text = backslash_separates ? name.replaceAll('\\', '/') : name;
  const prefix = text.startsWith('//') ? '//' : text.startsWith('/') ? '/' : '';
  const segments: string[] = [];
  const parts = text.slice(prefix.length).split('/');
  for (let index = 0; index < parts.length; index++) {
    let part = parts[index]!;
    if (prefix === '' && segments.length === 0) part = part.trimStart();
    if (index === parts.length - 1) part = prefix === '//' ? withoutRevision(part) : part.trimEnd();
    if (part === '..' || (index === parts.length - 1 && (part === '' || part === '.'))) return null;
    if (part !== '' && part !== '.') segments.push(part);
  }
  const normal = prefix + segments.join('/');
  // `./file:/a` too: once the dot is off, a URI stands there.
  return FILE_URI.test(normal) ? normalized(normal, backslash_separates) : normal;
}

/** In Unicode's NFC. */
export function composed(text: string): string {
  return MAY_NEED_COMPOSING.test(text) ? text.normalize('NFC') : text;
}

/** A `file:` URI without scheme and host, percent-decoded once; `/C:/…` of a drive without its slash. */
function fromUri(text: string): string {
  if (!FILE_URI.test(text)) return text;
  const path = percentDecoded(text.replace(FILE_URI, ''));
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path;
}

function percentDecoded(text: string): string {
  try {
    const decoded = decodeURIComponent(text);
    return decoded.includes('\0') ? text : decoded;
  } catch {
    return text;
  }
}

/** Whether the path stands by itself (`//depot/…`, `/…`, `C:/…`), so that a root is never put before it. */
export function isAbsolutePath(path: string): boolean {
  if (path.charCodeAt(0) === SLASH) return true;
  return path.charCodeAt(1) === COLON && path.charCodeAt(2) === SLASH && /^[A-Za-z]/.test(path);
}

/**
 * Almost every path is normal already: this says so without allocating. It may call a normal path doubtful (one that
 * ends in white space, or has a segment that starts with a dot), never the other way round.
 */
export function isNormalPath(path: string): boolean {
  const length = path.length;
  if (length === 0) return false;
  const first = path.charCodeAt(0);
  const last = path.charCodeAt(length - 1);
  // Beyond ASCII a character at either end may be white space of ECMAScript's.
  if (first <= 32 || first > 126 || first === DOT || first === QUOTE || last <= 32 || last > 126 || last === SLASH)
    return false;
  if (path.indexOf('\\') !== -1) return false;
  // From slash to slash: `indexOf` of one character is faster than looking at each (65 ns a path against 95) and than a RegExp (85).
  const isDepot = first === SLASH && path.charCodeAt(1) === SLASH;
  let slash = first === SLASH ? (isDepot ? 1 : 0) : path.indexOf('/', 1);
  while (slash !== -1) {
    if (!startsSegment(path.charCodeAt(slash + 1))) return false;
    slash = path.indexOf('/', slash + 1);
  }
  if (isDepot) return !DOUBTFUL_IN_DEPOT.test(path);
  return path.charCodeAt(4) !== COLON && !MAY_NEED_COMPOSING.test(path);
}

/** Of a segment that surely stays: not a dot, which may be a whole one, and not another slash. */
function startsSegment(code: number): boolean {
  return code !== SLASH && code !== DOT;
}

/**
 * The last segment of a depot path without its revision: `#` and `@` are written `%23` and `%40` where they are part of
 * a name. A name that is nothing else keeps its first character.
 */
export function withoutRevision(segment: string): string {
  const mark = segment.slice(1).search(/[#@]/);
  return (mark === -1 ? segment : segment.slice(0, mark + 1)).trimEnd();
}
