import { NearestFiles } from './nearest-files.js';
import { isAbsolutePath, isNormalPath, literalPath, normalizePath, withoutRevision } from './normalize-path.js';
import { RenamedFiles, type ChangedFile } from './renamed-files.js';
import { belowWorkspace, literalUnder, normalizeUnder, readRoot } from './root.js';
import type { Root } from './root.js';

export interface ChangedFilesInput {
  changed_files: readonly ChangedFile[];
  /** Where relative paths stand (`//depot/project`), or the workspace that absolute ones are written under. */
  root?: string | null;
  /** Case counts unless this says otherwise. */
  case_insensitive_paths?: boolean;
}

/** A submission's changed files, ready to be asked (VAL-6). */
export interface ChangedFiles {
  /** The changed file, in normal form, that a finding's path names; null when it names none. */
  match(path: string): string | null;
  /** The one that differs from a path that matches none in letter case or directory alone; null when there is none. */
  nearest(path: string): string | null;
}

/**
 * Prepares the changed files for matching (VAL-6). A path names a changed file when both are the same in normal form,
 * or once a depot `root` is put before the one of them that is relative, or a workspace `root` is taken off; Perforce's
 * encodings (`%40`) meet the plain form. A `\` separates unless both have it. What normalises to nothing (`..`, a
 * directory) matches nothing. Linear in the files; the first of two that are the same name wins. The name that a renamed
 * file had before names it too, unless another one has it now (ING-1).
 */
export function prepareChangedFiles(input: ChangedFilesInput): ChangedFiles {
  const root = readRoot(input.root);
  const prepare = (names: readonly string[]) => new PreparedFiles(names, root, input.case_insensitive_paths === true);
  const { changed_files } = input;
  const are_names = changed_files.every((file) => typeof file === 'string');
  return are_names ? prepare(changed_files) : new RenamedFiles(changed_files, prepare);
}

interface Index {
  /** In normal form. */
  files: ReadonlySet<string>;
  /** By what is compared; null while that is the name itself: with 200 files a second table was half of the cost. */
  byKey: ReadonlyMap<string, string> | null;
  /** Names with a `\` that may be part of them. */
  literal: ReadonlySet<string>;
  nearest: NearestFiles | null;
}

/**
 * Most findings name their file as the submission does: for these the paths as they came suffice. They are normalised
 * only when one does not: with 200 files that is the larger half of the cost.
 */
class PreparedFiles implements ChangedFiles {
  private readonly written: ReadonlySet<string>;
  /** Of these, what a finding has named and is its own normal form: several findings name one file. */
  private readonly normal = new Set<string>();
  private index: Index | null = null;

  constructor(
    private readonly changed_files: readonly string[],
    private readonly root: Root | null,
    private readonly fold: boolean,
  ) {
    this.written = new Set(changed_files);
  }

  match(path: string): string | null {
    if (this.normal.has(path)) return path;
    const asWritten = this.root?.kind !== 'workspace' || !isAbsolutePath(path);
    if (asWritten && this.written.has(path) && isNormalPath(path)) {
      this.normal.add(path);
      return path;
    }
    const literal = this.literally(path);
    if (literal !== null) return literal;
    const normalized = normalizePath(path);
    if (normalized === null) return null;
    const found = this.lookUp(normalized);
    if (found !== null || this.root === null) return found;
    if (this.root.kind === 'depot') return this.inDepot(normalized, this.root.directory);
    const left = this.belowRoot(path);
    return left === null ? null : this.lookUp(left);
  }

  nearest(path: string): string | null {
    const normalized = this.belowRoot(path) ?? normalizePath(path);
    if (normalized === null) return null;
    const index = (this.index ??= this.indexed());
    index.nearest ??= new NearestFiles(index.files);
    return index.nearest.to(normalized);
  }

  private literally(path: string): string | null {
    const below = literalUnder(path, this.root, this.fold);
    if (below === null) return null;
    const { literal } = (this.index ??= this.indexed());
    return [literalPath(path), below].find((name) => name !== null && literal.has(name)) ?? null;
  }

  /** Of a path that names a file of a checkout: tools that write of it need not know where it lay. */
  private belowRoot(path: string): string | null {
    return this.root?.kind === 'workspace' ? belowWorkspace(path, this.root, this.fold) : null;
  }

  /** A relative path may bear a revision here, as depot paths do; without a depot, `fix#42` is the name of a file. */
  private inDepot(path: string, directory: string): string | null {
    const other = otherForm(path, directory, this.fold);
    const found = other === null ? null : this.lookUp(other);
    if (found !== null || isAbsolutePath(path)) return found;
    const segment = path.lastIndexOf('/') + 1;
    const plain = path.slice(0, segment) + withoutRevision(path.slice(segment));
    return plain === path ? null : (this.lookUp(plain) ?? this.inDepot(plain, directory));
  }

  private lookUp(path: string): string | null {
    const { files, byKey } = (this.index ??= this.indexed());
    if (files.has(path)) return path;
    const key = this.keyOf(path);
    if (byKey !== null) return byKey.get(key) ?? null;
    return files.has(key) ? key : null;
  }

  private indexed(): Index {
    const files = new Set<string>();
    const literals = new Set<string>();
    let compared = this.fold;
    for (const path of this.changed_files) {
      const file = normalizeUnder(path, this.root, this.fold);
      if (file === null) continue;
      files.add(file);
      compared ||= file.includes('%');
      // What is in normal form already has no `\`.
      const literal = file === path ? null : literalUnder(path, this.root, this.fold);
      if (literal !== null) literals.add(literal);
    }
    return { files, byKey: compared ? this.keyed(files) : null, literal: literals, nearest: null };
  }

  private keyed(files: ReadonlySet<string>): Map<string, string> {
    const byKey = new Map<string, string>();
    for (const file of files) {
      const key = this.keyOf(file);
      if (!byKey.has(key)) byKey.set(key, file);
    }
    return byKey;
  }

  private keyOf(path: string): string {
    const inDepot = this.root?.kind === 'depot' || path.startsWith('//');
    const name = inDepot && path.includes('%') ? depotDecoded(path) : path;
    return this.fold ? name.toLowerCase() : name;
  }
}

const DEPOT_CODES: Record<string, string> = { '%40': '@', '%23': '#', '%25': '%', '%2A': '*', '%2a': '*' };

/** Perforce writes the four characters that mean something to it by their codes. */
function depotDecoded(path: string): string {
  return path.replace(/%(?:40|23|25|2[Aa])/g, (code) => DEPOT_CODES[code]!);
}

/** A relative path under the depot root, or a path under it without it; null when it is neither. */
function otherForm(path: string, root: string, fold: boolean): string | null {
  return isAbsolutePath(path) ? beneath(path, root, fold) : `${root}/${path}`;
}

function beneath(path: string, root: string, fold: boolean): string | null {
  if (path.length <= root.length + 1 || path.charCodeAt(root.length) !== 47) return null;
  const head = path.slice(0, root.length);
  const same = head === root || (fold && head.toLowerCase() === root.toLowerCase());
  return same ? path.slice(root.length + 1) : null;
}
