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

/** What to say of arguments to a stack that runs already; null where there are none. */
export function unheededByRunning(args: readonly string[]): string | null {
  if (args.length === 0) return null;
  return `${args.join(' ')}: a stack heeds this when it starts; end this one first (npm run stack:down)`;
}
