// Every unit spec of the engine as one file, for `npm run test:mutation`: a world of its own for each of ten files cost
// five times what their tests do. Without the properties: a mutant that only chance kills counts as alive. Without large
// input, which takes a second each time.
import { readdirSync } from 'node:fs';

const source = new URL('src/', import.meta.url);
const LEFT_OUT = ['properties.spec.ts', 'size.spec.ts'];

for (const entry of readdirSync(source, { recursive: true, encoding: 'utf8' }).sort()) {
  if (entry.endsWith('.spec.ts') && !LEFT_OUT.some((name) => entry.endsWith(`/${name}`))) {
    await import(new URL(entry, source).pathname);
  }
}
