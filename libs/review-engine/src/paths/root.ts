import { composed, literalPath, normalizePath } from './normalize-path.js';

/**
 * A submission's `root` (VAL-6). A depot root is put before relative paths. A workspace root is where a checkout lies on
 * some machine: it is only taken off, and what is left is a relative path.
 */
export type Root =
  /** `//depot/project`, without the `/` or `/...` that may end it. */
  | { kind: 'depot'; directory: string }
  /** `/home/ci/work/`, `C:/work/`, `//host/share/work/`: with the `/` that ends it. */
  | { kind: 'workspace'; prefix: string; on_share: boolean }
  /** Neither, or with `..`: nothing matches under it. */
  | { kind: 'unusable' };

const UNUSABLE: Root = { kind: 'unusable' };
const DRIVE = /^[A-Za-z]:(?=[\\/])/;
const SHARE = '\\\\';

/** Told apart as it is written: `//host/share` is a depot, `\\host\share` a workspace. Null where there is none. */
export function readRoot(root: string | null | undefined): Root | null {
  if (root === null || root === undefined) return null;
  const text = root.trim();
  if (text.startsWith('//')) return depotRoot(text.replaceAll('\\', '/'));
  if (text.startsWith('/')) return workspaceRoot('/', text.slice(1));
  if (text.startsWith(SHARE)) return workspaceRoot('//', text.slice(2), true);
  const drive = DRIVE.exec(text)?.[0];
  return drive === undefined ? UNUSABLE : workspaceRoot(`${drive.toUpperCase()}/`, text.slice(drive.length));
}

function depotRoot(text: string): Root {
  const directory = normalizePath((text.endsWith('/...') ? text.slice(0, -4) : text).replace(/(?<!\/)\/+$/, ''));
  return directory === null ? UNUSABLE : { kind: 'depot', directory };
}

/** Not by `normalizePath`: `job@2` is no revision here but the directory of a second build at once (Jenkins). */
function workspaceRoot(lead: string, rest: string, on_share = false): Root {
  const segments = composed(rest)
    .split(/[\\/]/)
    .filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..') || (on_share && segments.length < 2)) return UNUSABLE;
  return { kind: 'workspace', prefix: [lead, ...segments.map((segment) => `${segment}/`)].join(''), on_share };
}

/**
 * A changed file in normal form, without the workspace root that it may be written under; null as for
 * {@link normalizePath}. On a share only what is written as one: `//host/share` with slashes names a depot, and no root
 * takes that from the allow-list (SEC-1).
 */
export function normalizeUnder(written: string, root: Root | null, fold_case: boolean): string | null {
  if (root?.kind !== 'workspace') return normalizePath(written);
  const names_depot = root.on_share && !written.trimStart().startsWith(SHARE);
  return (names_depot ? null : belowWorkspace(written, root, fold_case)) ?? normalizePath(written);
}

/**
 * The same with `\` as a character of the name, where it can be one (see {@link literalPath}); null elsewhere, and in a
 * workspace on a drive or share.
 */
export function literalUnder(written: string, root: Root | null, fold_case: boolean): string | null {
  const path = literalPath(written);
  if (path === null || root?.kind !== 'workspace') return path;
  if (root.on_share || !root.prefix.startsWith('/')) return null;
  const below = !path.startsWith('//') && startsWith(path, root.prefix, fold_case);
  return below ? literalPath(path.slice(root.prefix.length)) : path;
}

/** Every reading of a changed file that the allow-list has to admit: one, or two where it has a `\` (VAL-6). */
export function readingsUnder(written: string, root: Root | null, fold_case: boolean): (string | null)[] {
  const literal = literalUnder(written, root, fold_case);
  const separated = normalizeUnder(written, root, fold_case);
  return literal === null ? [separated] : [separated, literal];
}

/** What is left of a path below the workspace, in normal form; null where it lies elsewhere. */
export function belowWorkspace(
  written: string,
  { prefix, on_share }: Extract<Root, { kind: 'workspace' }>,
  fold_case: boolean,
): string | null {
  const path = on_share ? normalizeOnShare(written) : normalizePath(written);
  if (path === null || path.length <= prefix.length || (!on_share && path.startsWith('//'))) return null;
  // A drive is one in either case.
  const named = path.replace(/^[a-z]:/, (drive) => drive.toUpperCase());
  // Once more, because what stood below may be `file:…` or begin with white space.
  return startsWith(named, prefix, fold_case) ? normalizePath(path.slice(prefix.length)) : null;
}

function startsWith(path: string, prefix: string, fold_case: boolean): boolean {
  const head = path.slice(0, prefix.length);
  return head === prefix || (fold_case && head.toLowerCase() === prefix.toLowerCase());
}

/** Of one leading slash less, so that no `icon@2x.png` of a share loses what only a depot path has: a revision. */
function normalizeOnShare(written: string): string | null {
  const text = written.trimStart();
  const path = /^(?:\/\/|\\\\)/.test(text) ? normalizePath(text.slice(1)) : null;
  return path === null ? null : `/${path}`;
}
