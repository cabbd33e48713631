import { createHash } from 'node:crypto';
import { isAbsolutePath, normalizePath } from './normalize-path.js';
import { namesOf } from './renamed-files.js';
import { readingsUnder, readRoot } from './root.js';
import type { ChangedFilesInput } from './changed-files.js';
import type { Root } from './root.js';

/** One line of the depot allow-list (SEC-1): `//depot/path/...`, an exact path, or `./...`. */
export interface AllowListEntry {
  path: string;
  /** Says that all of a depot (`//depot/...`) is meant. */
  broad?: boolean;
}

export class AllowListError extends Error {
  constructor(
    /** One line for each bad entry, naming it. */
    readonly faults: readonly string[],
  ) {
    super(`the depot allow-list cannot be used: ${faults.join('; ')}`);
    this.name = 'AllowListError';
  }
}

/**
 * Compiles the allow-list's entries (SEC-1).
 *
 * @throws AllowListError naming every bad entry and what is wrong with it.
 */
export function compileAllowList(entries: unknown): AllowList {
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new AllowListError(['it must be a list of at least one entry; an empty list would allow nothing']);
  }
  const faults: string[] = [];
  const good: Required<AllowListEntry>[] = [];
  entries.forEach((entry: unknown, index) => {
    const read = readEntry(entry);
    if (read === null) {
      faults.push(`entry ${index + 1}: expected a path, or {"path": "…", "broad": true}, and nothing else`);
      return;
    }
    const fault = faultOf(read);
    if (fault === null) good.push(read);
    else faults.push(`entry ${index + 1} ${JSON.stringify(read.path)}: ${fault}`);
  });
  if (faults.length > 0) throw new AllowListError(faults);
  return new AllowList(good);
}

/** Which depot paths may be reviewed. Compared on whole normalised segments, case always counts, fails closed. */
export class AllowList {
  /** As written, sorted, each once. */
  readonly entries: readonly Required<AllowListEntry>[];
  /** SHA-256 (hex) of the entries, whatever their order in the file. */
  readonly hash: string;
  private readonly exact = new Set<string>();
  /** With the `/` that ends them. */
  private readonly directories = new Set<string>();
  private readonly relative: boolean;

  constructor(entries: readonly Required<AllowListEntry>[]) {
    const byPath = new Map(entries.map((entry) => [entry.path, entry]));
    this.entries = [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    this.hash = createHash('sha256')
      .update(JSON.stringify(this.entries.map(({ path, broad }) => [path, broad])))
      .digest('hex');
    this.relative = byPath.has('./...');
    for (const path of byPath.keys()) {
      if (path === './...') continue;
      if (path.endsWith('/...')) this.directories.add(path.slice(0, -3));
      else this.exact.add(path);
    }
  }

  /**
   * @param path a changed file in normal form; null (it names no file) is never allowed.
   * @param root the submission's. A relative path is judged under a depot root, and as it is in a workspace.
   */
  allows(path: string | null, root: Root | null = null): boolean {
    if (path === null) return false;
    if (isAbsolutePath(path)) return this.allowsDepotPath(path);
    if (root?.kind === 'depot') return this.allowsDepotPath(`${root.directory}/${path}`);
    return root?.kind === 'unusable' ? false : this.relative;
  }

  /**
   * Those names of changed files, as they came, that no entry allows (ING-7, VAL-7): previous ones too, and of a name
   * with a `\` either reading.
   */
  denied(files: ChangedFilesInput): string[] {
    const root = readRoot(files.root);
    const fold_case = files.case_insensitive_paths === true;
    const isAllowed = (name: string) =>
      readingsUnder(name, root, fold_case).every((reading) => this.allows(reading, root));
    return files.changed_files.flatMap(namesOf).filter((name) => !isAllowed(name));
  }

  private allowsDepotPath(path: string): boolean {
    if (this.exact.has(path)) return true;
    for (let slash = path.lastIndexOf('/'); slash > 1; slash = path.lastIndexOf('/', slash - 1)) {
      if (this.directories.has(path.slice(0, slash + 1))) return true;
    }
    return false;
  }
}

function readEntry(entry: unknown): Required<AllowListEntry> | null {
  if (typeof entry === 'string') return { path: entry, broad: false };
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return null;
  const { path, broad, ...unknown } = entry as Record<string, unknown>;
  if (typeof path !== 'string' || Object.keys(unknown).length > 0) return null;
  if (broad !== undefined && typeof broad !== 'boolean') return null;
  return { path, broad: broad ?? false };
}

function faultOf({ path, broad }: Required<AllowListEntry>): string | null {
  if (path === './...') return null;
  if (path.trim() !== path || path === '') return 'it is empty, or has white space around it';
  if (!path.startsWith('//')) {
    return 'it must start with // (//depot/path/... or an exact path), or be ./... for relative paths';
  }
  if (path.includes('%%') || path.includes('*')) return '* and %% are not understood; only ... at the end is';
  const wild = path.endsWith('/...');
  const fixed = wild ? path.slice(0, -4) : path;
  const segments = fixed.slice(2).split('/');
  if (segments.includes('..')) return '.. is not allowed';
  if (fixed.includes('...')) return '... is allowed only as the whole last segment';
  if (normalizePath(fixed) !== fixed) {
    return 'it is not in normal form (no \\, no empty or . segment, no #revision or @change at the end)';
  }
  if (segments.length < 2 && !wild) return 'it names a depot, not a file; write //depot/path/... or an exact path';
  if (segments.length < 2 && !broad) return 'it allows a whole depot; say "broad": true if that is meant';
  return null;
}
