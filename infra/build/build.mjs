// `npm run build [-- --out-dir DIR]`, in plain JavaScript because it makes everything else: compiles every source file into
// DIR (default `dist`), file by file, and bundles each program with the packages it needs: a service or assayctl into
// `DIR/bin/<app>.js`, a service's command into `DIR/bin/<service>/<command>.js`.
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..');
const ROOMS = ['apps', 'libs', 'infra', 'tools', 'test'];
const NOT_BUILT = '**/*.spec.ts,**/*.fixture.ts,**/*.fixture.mjs,**/*.d.ts';
const SERVICES = ['ingest', 'validator', 'notifier', 'dead-letter'];

/**
 * kafkajs is reached into by path at run time (libs/messaging, idle-remedy.ts), which must be the same copy; a bundle would
 * run the decorators of our classes before reflect-metadata, which they need.
 */
export const UNBUNDLED = ['kafkajs', 'reflect-metadata'];
/** CommonJS packages look for Node's own modules by `require`, which a module does not have. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module';const require = requireFrom(import.meta.url);";
/**
 * A dependency's frames in a stack name its file and no line: their whole maps, which nobody reads, would take 12 MB of each
 * process's heap.
 */
const withoutMapsOfDependencies = {
  name: 'without-maps-of-dependencies',
  setup({ onLoad }) {
    onLoad({ filter: /\/node_modules\/.*\.[cm]?js$/ }, async ({ path }) => {
      const map = btoa(JSON.stringify({ version: 3, sources: [basename(path)], names: [], mappings: 'AAAA' }));
      const contents = await readFile(path, 'utf8');
      return { contents: `${contents}\n//# sourceMappingURL=data:application/json;base64,${map}\n` };
    });
  },
};

const LOADED_LATE = {
  text: 'a CommonJS package has no named exports where a bundle loads it late: import it in a file of ours, and that one late',
};

/** What is not installed is a part that we do not use, such as the drivers of other databases. */
const withoutMissingPackages = {
  name: 'without-missing-packages',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...place }) => {
      if (pluginData === 'asked') return undefined;
      if (place.kind === 'dynamic-import' && !place.importer.includes('node_modules')) return { errors: [LOADED_LATE] };
      const { errors, ...found } = await resolve(path, { ...place, pluginData: 'asked' });
      return errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/** Bundles modules with the packages that they need; what several of them need stands in chunks beside them. */
export async function bundle({ plugins = [], ...options }) {
  await build({
    ...{ bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20' },
    ...{ keepNames: true, logLevel: 'error', banner: { js: REQUIRE }, external: UNBUNDLED },
    ...options,
    plugins: [withoutMissingPackages, ...plugins],
  });
}

/** Each program: its file, and its name without `.js` under `bin`. */
function programs(directory) {
  const source = (app, ...path) => join(directory, 'apps', app, 'src', ...path);
  const mains = [...SERVICES, 'assayctl'].map((app) => ({ in: source(app, 'main.js'), out: app }));
  const commands = SERVICES.flatMap((service) =>
    readdirSync(source(service, 'commands'))
      .filter((file) => file.endsWith('.js'))
      .map((file) => ({ in: source(service, 'commands', file), out: join(service, basename(file, '.js')) })),
  );
  return [...mains, ...commands];
}

/** A program in few files starts in a third of the processor time of one that loads 2,000 (ADR 0023). */
export async function bundlePrograms(directory) {
  await bundle({
    entryPoints: programs(directory),
    outdir: join(directory, 'bin'),
    chunkNames: 'chunks/[name]-[hash]',
    ...{ sourcemap: 'linked', sourcesContent: false, plugins: [withoutMapsOfDependencies] },
  });
}

async function compile(directory) {
  const rooms = ROOMS.filter((room) => existsSync(join(root, room)));
  const args = [...rooms, '-d', directory, '--config-file', '.swcrc', '--ignore', NOT_BUILT, '--quiet'];
  await promisify(execFile)(join(root, 'node_modules', '.bin', 'swc'), args, { cwd: root });
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { 'out-dir': { type: 'string', default: 'dist' } } });
  const directory = resolve(root, values['out-dir']);
  await mkdir(directory, { recursive: true });
  await rm(join(directory, 'bin'), { recursive: true, force: true });
  await compile(directory);
  await bundlePrograms(directory);
}
