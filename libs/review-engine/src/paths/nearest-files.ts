/** Of files that share a name, so many are compared: a question stays a look-up whatever was submitted. */
const COMPARED = 16;

/**
 * Changed files by what a reviewer most often gets wrong in a path: letter case, the directory, and look-alikes that only
 * Unicode's compatibility form tells to be the same (VAL-6). Made when a finding first names none of them.
 */
export class NearestFiles {
  private readonly byName = new Map<string, string[]>();

  constructor(files: ReadonlySet<string>) {
    for (const file of files) {
      const name = nameOf(file);
      const same = this.byName.get(name);
      if (same === undefined) this.byName.set(name, [file]);
      else if (same.length <= COMPARED) same.push(file);
    }
  }

  /** The one that differs in letter case or form alone, or the only one of that name; null when there is none. */
  to(path: string): string | null {
    const same = this.byName.get(nameOf(path)) ?? [];
    if (same.length > COMPARED) return null;
    const folded = foldedForm(path);
    return same.find((file) => foldedForm(file) === folded) ?? (same.length === 1 ? same[0]! : null);
  }
}

function nameOf(path: string): string {
  return foldedForm(path.slice(path.lastIndexOf('/') + 1));
}

const BEYOND_ASCII = /[\u0080-\uffff]/;

/** V8 does not see that ASCII is in every normal form: 200 names took longer than the rest of a drop. */
function foldedForm(text: string): string {
  return (BEYOND_ASCII.test(text) ? text.normalize('NFKC') : text).toLowerCase();
}
