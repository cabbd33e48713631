import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { EngineFigures } from './engine-run.js';

/** `npm run bench -- engine [--json]`: the engine beside bare JSON.parse and general validators, pinned to one core. */
export function runEngineBench(args: readonly string[]): Promise<void> {
  const script = fileURLToPath(new URL('engine-run.js', import.meta.url));
  const pinned = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
  const [command, before] = pinned
    ? ['taskset', ['-c', String(cpus().length - 1), process.execPath]]
    : [process.execPath, []];
  console.error(
    `2,000 payloads, 7 runs, ${pinned ? 'pinned to one core' : 'not pinned (no taskset here)'}; about a minute`,
  );
  const run = spawnSync(command, [...before, script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`the bench ended with ${run.status ?? run.signal}`);
  const figures = JSON.parse(run.stdout) as EngineFigures;
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version, pinned };
  if (args.includes('--json')) console.log(JSON.stringify({ bench: 'engine', ...figures, machine }, null, 2));
  else show(figures);
  return Promise.resolve();
}

function show({ rates, ratios, growth, bytes_per_payload, corpus, payloads }: EngineFigures): void {
  console.log(
    `payloads a second of CPU time (${bytes_per_payload} bytes, 25 findings, a fifth malformed), median (min to max)\n`,
  );
  for (const name of Object.keys(rates.files_12)) {
    const [few, many] = [rates.files_12[name]!, rates.files_200[name]!];
    const both = [few, many].map(({ median, min, max }) => `${median} (${min} to ${max})`.padEnd(28));
    console.log(`${name.padEnd(16)} 12 files ${both[0]} 200 files ${both[1]}`);
  }
  const codes = Object.entries(corpus.by_code).map(([code, count]) => `${code} ${count}`);
  console.log(`\n${corpus.rejected} of ${payloads} rejected; ${codes.join(', ')}`);
  console.log('\nratio                  measured   goal');
  console.log(`vs JSON.parse alone    ${ratios.vs_json_parse.toFixed(2).padEnd(10)} 0.60`);
  console.log(`vs ajv, all errors     ${ratios.vs_ajv_all_errors.toFixed(2).padEnd(10)} 1.00`);
  console.log(`200 files over 12      ${ratios.files_200_vs_12.toFixed(2).padEnd(10)} 0.60\n`);
  for (const { findings, files, bytes, ms } of growth) {
    console.log(`${findings} findings, ${files} changed files, ${bytes} bytes: ${ms} ms`);
  }
}
