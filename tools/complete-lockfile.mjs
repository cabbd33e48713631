// Adds to package-lock.json the optional packages of other platforms that `npm install` left out. npm does so when the
// registry it asked does not carry them; `npm ci` then refuses the lock file, everywhere. `--check` only says what is
// missing and exits with 1. Plain JavaScript, because it must run when nothing can be installed.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** `@swc/core-linux-arm-gnueabihf` names its system and processor; npm skips it elsewhere by these two fields. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  if (os.length !== 1 || cpu.length !== 1) throw new Error(`${name} does not tell its platform by its name`);
  return { os, cpu };
}

function missingEntries(packages) {
  const missing = {};
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const own = `node_modules/${name}`;
      if (packages[own] !== undefined || packages[`${path}/${own}`] !== undefined) continue;
      const { cpu, os } = platformOf(name);
      missing[own] = { version, cpu, ...(dev ? { dev } : {}), optional: true, os };
    }
  }
  return missing;
}

const lock = JSON.parse(readFileSync(file, 'utf8'));
const missing = missingEntries(lock.packages);
const names = Object.keys(missing).map((path) => path.slice('node_modules/'.length));
if (process.argv.includes('--check')) {
  if (names.length > 0) console.error(`run node tools/complete-lockfile.mjs: it lacks ${names.join(', ')}`);
  process.exit(names.length === 0 ? 0 : 1);
}
const [root, ...others] = Object.entries({ ...lock.packages, ...missing });
others.sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries([root, ...others]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`added ${names.length} entries`);
