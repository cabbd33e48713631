import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The clone that this file was built in, wherever in it the built file lies. */
export function repositoryRoot(): string {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    if (existsSync(join(at, 'package-lock.json'))) return at;
    if (at === dirname(at)) throw new Error(`${import.meta.dirname} lies outside a clone of Assay`);
  }
}
