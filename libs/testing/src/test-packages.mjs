// Jest resolves, reads and compiles every file of every package anew for each test file: some 1,500 of Nest, TypeORM and
// class-validator alone. So the tests import these packages from one bundle, as the services do, made from what is installed
// whenever the lock file changes. Plain JavaScript, for Jest's configuration loads it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, UNBUNDLED } from '../../../infra/build/build.mjs';

const root = join(import.meta.dirname, '..', '..', '..');
const room = join(root, '.local', 'test-packages');

const BUNDLED = [
  '@nestjs/common',
  '@nestjs/common/constants.js',
  '@nestjs/common/enums/route-paramtypes.enum.js',
  '@nestjs/core',
  '@nestjs/microservices',
  '@nestjs/platform-fastify',
  '@opentelemetry/api',
  '@opentelemetry/exporter-prometheus',
  '@opentelemetry/exporter-trace-otlp-http',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  '@opentelemetry/sdk-trace',
  'ajv/dist/2020.js',
  'class-validator',
  'class-validator-jsonschema',
  'fastify',
  'pg',
  'rxjs',
  'typeorm',
  'undici',
  'uuid',
  'winston',
];

const fileName = (specifier) => specifier.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-js$/g, '');

/** What a package offers stands in no file that a bundler can read where it is CommonJS: it is asked. */
async function reExports(specifier) {
  const names = Object.keys(await import(specifier)).filter((name) => /^[a-z_$][\w$]*$/i.test(name));
  const own = names.filter((name) => name !== 'default' && name !== 'module.exports');
  const lines = [
    `import * as all from '${specifier}';`,
    `const found = 'default' in all ? { ...all.default, ...all } : all;`,
  ];
  if (names.includes('default')) lines.push('export default all.default;');
  for (const name of own) lines.push(`const _${name} = found['${name}']; export { _${name} as ${name} };`);
  return lines.join('\n');
}

async function bundleInto(directory) {
  const sources = join(directory, 'sources');
  await mkdir(sources, { recursive: true });
  for (const specifier of BUNDLED) {
    await writeFile(join(sources, `${fileName(specifier)}.mjs`), await reExports(specifier));
  }
  const entryPoints = BUNDLED.map((specifier) => join(sources, `${fileName(specifier)}.mjs`));
  // tools/openapi reaches into class-transformer by path.
  const external = [...UNBUNDLED, 'class-transformer'];
  await bundle({ entryPoints, outdir: directory, outExtension: { '.js': '.mjs' }, external });
  await rm(sources, { recursive: true });
}

/** Jest's `moduleNameMapper` for the bundled packages; makes the bundle where it is not there yet. */
export async function bundledPackages() {
  const hash = createHash('sha256');
  for (const file of [join(root, 'package-lock.json'), import.meta.filename]) hash.update(readFileSync(file));
  const directory = join(room, hash.digest('hex').slice(0, 16));
  if (!existsSync(directory)) {
    await rm(room, { recursive: true, force: true });
    await mkdir(room, { recursive: true });
    const made = await mkdtemp(join(room, 'making-'));
    await bundleInto(made);
    // Two runs may have made it at once: the second finds the first one's.
    await rename(made, directory).catch(() => rm(made, { recursive: true, force: true }));
  }
  const literally = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return Object.fromEntries(
    BUNDLED.map((specifier) => [`^${literally(specifier)}$`, join(directory, `${fileName(specifier)}.mjs`)]),
  );
}
