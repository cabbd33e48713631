// What every command needs before it can begin, in plain JavaScript because a fresh clone has nothing else: a Node that is
// new enough, and the dependencies of the lock file. `npm test` runs it by itself; the local commands by bootstrap.mjs.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const OLDEST_NODE = [20, 19];
const STILL_THERE_MS = 5_000;
export const root = join(import.meta.dirname, '..', '..');

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (!old) return;
  console.error(`Assay needs Node ${OLDEST_NODE.join('.')} or later; this is ${process.version}.`);
  process.exit(1);
}

/** True when what is installed is not what the lock file says; npm keeps its own record of what it installed. */
function dependenciesAreStale() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return true;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const differs = ([path, entry]) => wanted[path]?.version !== entry.version;
  const isMissing = ([path, entry]) => path !== '' && !entry.optional && !entry.peer && installed[path] === undefined;
  return Object.entries(installed).some(differs) || Object.entries(wanted).some(isMissing);
}

function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** Runs npm quietly, says that it is still at it, and shows what it said only when it fails. */
export function npm(title, args) {
  const since = performance.now();
  const said = [];
  const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (chunk) => said.push(chunk));
  child.stderr.on('data', (chunk) => said.push(chunk));
  const waiting = setInterval(() => console.log(`  … ${title}, ${seconds(since)}`), STILL_THERE_MS);
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      clearInterval(waiting);
      if (code === 0) {
        console.log(`  ✓ ${title} (${seconds(since)})`);
        resolve();
        return;
      }
      console.error(Buffer.concat(said).toString());
      console.error(`  ✗ ${title}: npm ${args.join(' ')} ended with ${code}`);
      process.exit(1);
    });
  });
}

requireNode();
if (dependenciesAreStale()) await npm('dependencies from the lock file', ['ci']);
