/**
 * Changed files by what a reviewer most often gets wrong in a path: letter case, and the directory (VAL-6). Made when a
 * finding first names none of them; each question is two look-ups. A name that two files share is no help.
 */
export class NearestFiles {
  private readonly byCase = new Map<string, string | null>();
  private readonly byName = new Map<string, string | null>();

  constructor(files: ReadonlySet<string>) {
    for (const file of files) {
      addOnce(this.byCase, file.toLowerCase(), file);
      addOnce(this.byName, nameOf(file), file);
    }
  }

  to(path: string): string | null {
    return this.byCase.get(path.toLowerCase()) ?? this.byName.get(nameOf(path)) ?? null;
  }
}

function addOnce(files: Map<string, string | null>, key: string, file: string): void {
  files.set(key, files.has(key) ? null : file);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).toLowerCase();
}
