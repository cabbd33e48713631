import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Corpus, EngineFigures, RatioName } from './engine-run.js';

/** `npm run bench -- engine [--json]`: the engine beside bare JSON.parse and general validators, pinned to one core. */
export function runEngineBench(args: readonly string[]): Promise<void> {
  const script = fileURLToPath(new URL('engine-run.js', import.meta.url));
  const pinned = spawnSync('taskset', ['-c', '0', 'true']).status === 0;
  const [command, before] = pinned
    ? ['taskset', ['-c', String(cpus().length - 1), process.execPath]]
    : [process.execPath, []];
  console.error(
    `2,000 payloads, 7 runs, ${pinned ? 'pinned to one core' : 'not pinned (no taskset here)'}; about two minutes`,
  );
  const run = spawnSync(command, [...before, script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`the bench ended with ${run.status ?? run.signal}`);
  const figures = JSON.parse(run.stdout) as EngineFigures;
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version, pinned };
  if (args.includes('--json')) console.log(JSON.stringify({ bench: 'engine', ...figures, machine }, null, 2));
  else show(figures);
  return Promise.resolve();
}

const RATIOS: Record<RatioName, [label: string, goal: number]> = {
  vs_json_parse: ['vs JSON.parse alone', 0.6],
  vs_ajv_all_errors: ['vs ajv, all errors', 1],
  files_200_vs_12: ['200 files over 12', 0.6],
  untidy_vs_json_parse: ['untidy, vs JSON.parse alone', 0.5],
  untidy_vs_ajv_all_errors: ['untidy, vs ajv, all errors', 0.9],
};

function show(figures: EngineFigures): void {
  const { rates, ratios, bytes_per_payload, payloads } = figures;
  console.log(`payloads a second of CPU time (${bytes_per_payload} bytes, 25 findings), median (min to max)\n`);
  const columns = { files_12: '12 files', files_200: '200 files', untidy: 'untidy' };
  for (const name of Object.keys(rates.files_12)) {
    const cells = (Object.keys(columns) as Corpus[]).map((corpus) => {
      const { median, min, max } = rates[corpus][name]!;
      return `${columns[corpus]} ${median} (${min} to ${max})`.padEnd(36);
    });
    console.log(`${name.padEnd(16)} ${cells.join('')}`.trimEnd());
  }
  for (const [title, { rejected, by_code }] of [
    ['malformed in a fifth', figures.corpus],
    ['untidy in a fifth, broken in one of fifty', figures.untidy_corpus],
  ] as const) {
    const codes = Object.entries(by_code).map(([code, count]) => `${code} ${count}`);
    console.log(`\n${title}: ${rejected} of ${payloads} rejected; ${codes.join(', ')}`);
  }
  console.log(`\n${'ratio'.padEnd(30)}measured  goal`);
  for (const [name, [label, goal]] of Object.entries(RATIOS)) {
    console.log(`${label.padEnd(30)}${ratios[name as RatioName].toFixed(2).padEnd(10)}${goal.toFixed(2)}`);
  }
  showSizes(figures);
}

function showSizes({ growth, repairs }: EngineFigures): void {
  console.log('');
  for (const { findings, files, bytes, ms } of growth) {
    console.log(`${findings} findings, ${files} changed files, ${bytes} bytes: ${ms} ms`);
  }
  console.log('');
  for (const { of, bytes, edits, ms } of repairs) console.log(`${bytes} bytes, ${edits} edits for ${of}: ${ms} ms`);
}
