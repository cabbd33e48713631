// Every unit spec of the engine as one file, for `npm run test:mutation`: a world of its own for each of ten files cost
// five times what their tests do. Without the properties: a mutant that only chance kills counts as alive. Without large
// input, which takes a second each time, and without what reads the sources, which are other ones then.
// `ASSAY_MUTATION_SPECS` narrows it to the specs whose path it matches, beside Stryker's own `--mutate`.
import { readdirSync } from 'node:fs';

const source = new URL('src/', import.meta.url);
const wanted = new RegExp(process.env['ASSAY_MUTATION_SPECS'] ?? '');
const LEFT_OUT = ['properties.spec.ts', '/size.spec.ts', '/sources.spec.ts'];

for (const entry of readdirSync(source, { recursive: true, encoding: 'utf8' }).sort()) {
  if (entry.endsWith('.spec.ts') && wanted.test(entry) && !LEFT_OUT.some((name) => entry.endsWith(name))) {
    await import(new URL(entry, source).pathname);
  }
}
