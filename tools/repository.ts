import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The repository's root, from the sources as from dist/. */
export const REPOSITORY = rootAbove(import.meta.dirname);

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package-lock.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('no package-lock.json stands above this file');
  return rootAbove(parent);
}
