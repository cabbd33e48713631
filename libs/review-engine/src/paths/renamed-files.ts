import type { ChangedFiles } from './changed-files.js';

/** A changed file as a submission names it: by its path, or with the path that it had before (ING-1). */
export type ChangedFile = string | RenamedFile;

export interface RenamedFile {
  path: string;
  previous_path?: string | null;
}

export function pathOf(file: ChangedFile): string {
  return typeof file === 'string' ? file : file.path;
}

export function previousPathOf(file: ChangedFile): string | null {
  return typeof file === 'string' ? null : (file.previous_path ?? null);
}

/** Every name that a changed file has or had. */
export function namesOf(file: ChangedFile): string[] {
  const previous = previousPathOf(file);
  return previous === null ? [pathOf(file)] : [pathOf(file), previous];
}

/** Changed files of which some have been renamed (ING-1): what they are called now comes first, whatever its form. */
export class RenamedFiles implements ChangedFiles {
  private readonly current: ChangedFiles;
  /** By each previous name; null for what two files were called: which one a finding means cannot be known. */
  private moves: { previous: ChangedFiles; to: ReadonlyMap<string, string | null> } | null = null;

  constructor(
    private readonly files: readonly ChangedFile[],
    private readonly prepare: (names: readonly string[]) => ChangedFiles,
  ) {
    this.current = prepare(files.map(pathOf));
  }

  match(path: string): string | null {
    const found = this.current.match(path);
    if (found !== null) return found;
    const { previous, to } = (this.moves ??= this.moved());
    const name = previous.match(path);
    return name === null ? null : (to.get(name) ?? null);
  }

  nearest(path: string): string | null {
    return this.current.nearest(path);
  }

  private moved() {
    const renamed = this.files.filter((file) => previousPathOf(file) !== null);
    const previous = this.prepare(renamed.map((file) => previousPathOf(file)!));
    const to = new Map<string, string | null>();
    for (const file of renamed) {
      const name = previous.match(previousPathOf(file)!);
      const now = this.current.match(pathOf(file));
      if (name !== null && now !== null) to.set(name, to.has(name) && to.get(name) !== now ? null : now);
    }
    return { previous, to };
  }
}
