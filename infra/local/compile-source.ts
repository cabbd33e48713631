import { transformFile } from '@swc/core';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Compiles one source file as `npm run build` does, into `build`; rejects with what is wrong with it. */
export async function compileSource(root: string, file: string, build: string): Promise<void> {
  const path = join(root, file);
  const { code, map } = await transformFile(path, {
    cwd: root,
    configFile: join(root, '.swcrc'),
    swcrc: false,
    sourceFileName: path,
  });
  const target = join(build, file.replace(/ts$/, 'js'));
  await mkdir(dirname(target), { recursive: true });
  if (map !== undefined) await writeFile(`${target}.map`, map);
  await writeFile(target, map === undefined ? code : `${code}\n//# sourceMappingURL=${target.split('/').at(-1)}.map\n`);
}

/** Bundles the programs again from what was compiled into `build`, as `npm run build` does. */
export async function bundlePrograms(root: string, build: string): Promise<void> {
  const { href } = pathToFileURL(join(root, 'infra', 'build', 'build.mjs'));
  const tool = (await import(href)) as { bundlePrograms(directory: string): Promise<void> };
  await tool.bundlePrograms(build);
}
