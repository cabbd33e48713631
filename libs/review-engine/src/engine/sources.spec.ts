import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

describe('the sources of the engine', () => {
  const entry = fileURLToPath(new URL('./validate-review.ts', import.meta.url));

  /** The file, what it imports, and so on; what an `import type` names is not there when it runs. */
  function sources(path: string, seen = new Map<string, string>()): Map<string, string> {
    if (seen.has(path)) return seen;
    const text = readFileSync(path, 'utf8');
    seen.set(path, text);
    for (const [, from] of text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from '(\.[^']+)\.js';/gm)) {
      sources(resolve(dirname(path), `${from}.ts`), seen);
    }
    return seen;
  }

  /** Bytes, and a hash of them. */
  const PURE_PACKAGES = /^import (?:type )?\{[^}]*\} from 'node:buffer';|^import \{ createHash \} from 'node:crypto';/;

  it('VAL-11.b imports nothing that reaches out, and names no clock, no chance and no I/O', () => {
    const reached = [...sources(entry)];
    expect(reached.length).toBeGreaterThan(8);
    for (const [path, text] of reached) {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      const packages = [...code.matchAll(/^(?:import|export) [^;]*?from '[^.][^']*';/gm)].map(([line]) => line);
      expect([path, packages.filter((line) => !PURE_PACKAGES.test(line))]).toEqual([path, []]);
      const names =
        /\b(?:new Date|Date\.|Math\.random|performance\.|process\b|globalThis|crypto\.|fetch|setTimeout|import\()/;
      expect([path, names.exec(code)?.[0]]).toEqual([path, undefined]);
    }
  });
});
