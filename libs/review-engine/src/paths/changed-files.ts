import { isAbsolutePath, normalizePath, normalizeRoot } from './normalize-path.js';

export interface ChangedFilesInput {
  changed_files: readonly string[];
  /** Where relative paths stand, e.g. `//depot/project`. */
  root?: string | null;
  /** Case counts unless this says otherwise. */
  case_insensitive_paths?: boolean;
}

/** A submission's changed files, ready to be asked (VAL-6). */
export interface ChangedFiles {
  /** The changed file, in normal form, that a finding's normalised path names; null when it names none. */
  match(normalized: string): string | null;
}

/**
 * Prepares the changed files for matching (VAL-6). A path names a changed file when both are the same in normal form,
 * or once `root` is put before the one of them that is relative. What normalises to nothing (`..`, a directory)
 * matches nothing. Linear in the files; the first of two that fold to the same name wins.
 */
export function prepareChangedFiles(input: ChangedFilesInput): ChangedFiles {
  const exact = new Set<string>();
  for (const path of input.changed_files) {
    const normalized = normalizePath(path);
    if (normalized !== null) exact.add(normalized);
  }
  const root = normalizeRoot(input.root);
  if (input.case_insensitive_paths === true) return new FoldedFiles(exact, root);
  return new ExactFiles(exact, root);
}

class ExactFiles implements ChangedFiles {
  constructor(
    private readonly files: ReadonlySet<string>,
    private readonly root: string | null,
  ) {}

  match(normalized: string): string | null {
    if (this.files.has(normalized)) return normalized;
    if (this.root === null) return null;
    const other = otherForm(normalized, this.root, false);
    return other !== null && this.files.has(other) ? other : null;
  }
}

class FoldedFiles implements ChangedFiles {
  private readonly folded = new Map<string, string>();

  constructor(
    private readonly files: ReadonlySet<string>,
    private readonly root: string | null,
  ) {
    for (const file of files) {
      const key = file.toLowerCase();
      if (!this.folded.has(key)) this.folded.set(key, file);
    }
  }

  match(normalized: string): string | null {
    // A path in its file's own spelling comes back as it is, even where two files differ only in case.
    if (this.files.has(normalized)) return normalized;
    const found = this.folded.get(normalized.toLowerCase());
    if (found !== undefined || this.root === null) return found ?? null;
    const other = otherForm(normalized, this.root, true);
    return other === null ? null : (this.folded.get(other.toLowerCase()) ?? null);
  }
}

/** A relative path under the root, or a path under the root without it; null when it is neither. */
function otherForm(path: string, root: string, fold: boolean): string | null {
  if (!isAbsolutePath(path)) {
    const rest = beneath(path, root, fold);
    return rest ?? `${root}/${path}`;
  }
  return beneath(path, root, fold);
}

function beneath(path: string, root: string, fold: boolean): string | null {
  if (path.length <= root.length + 1 || path.charCodeAt(root.length) !== 47) return null;
  const head = path.slice(0, root.length);
  const same = head === root || (fold && head.toLowerCase() === root.toLowerCase());
  return same ? path.slice(root.length + 1) : null;
}
