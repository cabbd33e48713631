import { isAbsolutePath, isNormalPath, normalizePath } from './normalize-path.js';
import { normalizeUnder, readRoot, withoutWorkspace } from './root.js';
import type { Root } from './root.js';

export interface ChangedFilesInput {
  changed_files: readonly string[];
  /** Where relative paths stand (`//depot/project`), or the workspace that absolute ones are written under. */
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
 * or once a depot `root` is put before the one of them that is relative, or a workspace `root` is taken off. What
 * normalises to nothing (`..`, a directory) matches nothing. Linear in the files; the first of two that fold to the same
 * name wins.
 */
export function prepareChangedFiles(input: ChangedFilesInput): ChangedFiles {
  const root = readRoot(input.root);
  const fold_case = input.case_insensitive_paths === true;
  if (root?.kind === 'workspace') {
    const left = input.changed_files.map((path) => normalizeUnder(path, root, fold_case) ?? path);
    return new WorkspaceFiles(filesUnder(left, null, fold_case), root, fold_case);
  }
  return filesUnder(input.changed_files, root?.kind === 'depot' ? root.directory : null, fold_case);
}

function filesUnder(changed_files: readonly string[], directory: string | null, fold_case: boolean): ChangedFiles {
  return fold_case ? new FoldedFiles(normalized(changed_files), directory) : new ExactFiles(changed_files, directory);
}

function normalized(paths: readonly string[]): Set<string> {
  const files = new Set<string>();
  for (const path of paths) {
    const file = normalizePath(path);
    if (file !== null) files.add(file);
  }
  return files;
}

/**
 * Most findings name their file as the submission does: for these the paths as they came suffice. They are normalised
 * only when one does not: with 200 files that is the larger half of the cost.
 */
class ExactFiles implements ChangedFiles {
  private readonly written: ReadonlySet<string>;
  private normalized: ReadonlySet<string> | null = null;

  constructor(
    private readonly changed_files: readonly string[],
    private readonly root: string | null,
  ) {
    this.written = new Set(changed_files);
  }

  match(path: string): string | null {
    if (this.written.has(path) && isNormalPath(path)) return path;
    this.normalized ??= normalized(this.changed_files);
    if (this.normalized.has(path)) return path;
    if (this.root === null) return null;
    const other = otherForm(path, this.root, false);
    return other !== null && this.normalized.has(other) ? other : null;
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

/** Files of a checkout, by what is left of their names below it: what tools write of it need not know where it lay. */
class WorkspaceFiles implements ChangedFiles {
  constructor(
    private readonly files: ChangedFiles,
    private readonly root: Extract<Root, { kind: 'workspace' }>,
    private readonly fold_case: boolean,
  ) {}

  match(normalized: string): string | null {
    const found = this.files.match(normalized);
    if (found !== null) return found;
    const left = withoutWorkspace(normalized, this.root, this.fold_case);
    return left === null ? null : this.files.match(left);
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
