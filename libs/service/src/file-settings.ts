import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import type { Setting } from './settings.js';

interface FileOptions<D> {
  env: string;
  doc: string;
  default?: D;
}
type Or<T, D> = D extends null ? T | null : T;

/** The path of a file that is there and can be read. */
export function file<D extends null | undefined = undefined>(options: FileOptions<D>): Setting<Or<string, D>> {
  return fileSetting('file', options, (path) => path);
}

/**
 * A file that is read and judged at start: `read` gets its text and throws `Error` with what is wrong with it, one
 * fault a line. `references` names the references to secrets in it. Use {@link file} where the file is to be watched.
 */
export function document<T, D extends null | undefined = undefined>(
  options: FileOptions<D> & {
    read: (text: string, path: string) => T;
    references?: (text: string) => readonly string[];
  },
): Setting<Or<T, D>> {
  const { read, references = () => [] } = options;
  const setting = fileSetting('document', options, (path) => read(readFileSync(path, 'utf8'), path));
  return { ...setting, references: (path) => referencesIn(path, references) };
}

/** Of a file that cannot be read none: that is told when it is judged. */
function referencesIn(path: string, references: (text: string) => readonly string[]): readonly string[] {
  try {
    return references(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}

function fileSetting<T, D>(kind: string, options: FileOptions<D>, parse: (path: string) => T): Setting<Or<T, D>> {
  const { env, doc, default: fallback } = options;
  const checked = (path: string): T => {
    assertReadable(path);
    return parse(path);
  };
  return { env, doc, kind, default: fallback, allowed: 'a path', parse: checked } as unknown as Setting<Or<T, D>>;
}

function assertReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new Error(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  if (!statSync(path).isFile()) throw new Error(`${path} is not a file`);
}
