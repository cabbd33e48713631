// Jest loads this as plain ESM, without a transform: so it builds the repository and hands over to what was built.
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..', '..');
const builds = join(root, '.local', 'test-builds');

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Each run builds into a directory of its own: a build beside a run must not change what the run starts. */
async function buildForThisRun() {
  await mkdir(builds, { recursive: true });
  const left = (await readdir(builds)).filter((name) => !isRunning(Number(name)));
  for (const name of left) await rm(join(builds, name), { recursive: true, force: true });
  const build = join(builds, String(process.pid));
  await promisify(execFile)('npm', ['run', '--silent', 'build', '--', '--out-dir', build], { cwd: root });
  return build;
}

export default async function globalSetup() {
  const build = await buildForThisRun();
  const { setUpRun } = await import(join(build, 'libs', 'testing', 'src', 'run-set-up.js'));
  const tearDown = await setUpRun(build);
  globalThis.assayTearDown = async () => {
    await tearDown();
    await rm(build, { recursive: true, force: true });
  };
}
