import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** The file of `--providers FILE`, absolute; throws where there is none of that name. */
export function providersFile(args: readonly string[]): string | undefined {
  const flag = args.indexOf('--providers');
  if (flag < 0) return undefined;
  const path = resolve(args[flag + 1] ?? '');
  if (!existsSync(path) || args[flag + 1] === undefined) {
    throw new Error(`--providers wants a providers file (docs/providers.md), and there is none at ${path}`);
  }
  return path;
}
