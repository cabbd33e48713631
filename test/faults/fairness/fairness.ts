import { join } from 'node:path';
import { closeOnSignals, startSystem, type TestSystem, type TestSystemOptions } from '@assay/testing';
import { localDirectory } from '../../../infra/local/stack-file.js';
import { green, note, red, say, table } from '../../../infra/local/terminal.js';
import { type FloodFigures, measureFlood, type Shape, shapeInWords, type Waits } from './flood.js';
import { limitedTo, PATIENT } from './limits.js';
import { holdsAtNight, MAY_GROW, measureNight, type NightFigures } from './night.js';

const FLOOD_USAGE =
  'usage: npm run test:faults -- flood [--at-once N] [--per-s N] [--seconds N] [--unlimited] [--json]';
const NIGHT_USAGE = 'usage: npm run test:faults -- night [--per-s N] [--seconds N] [--json]';

/** One a second: what a median is made of, alone and beside the flood. */
const EVERY_MS = 1_000;
const REVIEWS = 30;
/** The rule's own (ING-12.d). */
const AT_MOST = 2;
const ALONE_S = 60;
/** The rule's own (WQ-9). */
const BEHIND = { dead: 100_000, metered: 10_000 };

type Count = '--at-once' | '--per-s' | '--seconds';

/** Numbers by option, and the flags; null where they make no sense. */
function read<C extends Count>(args: readonly string[], counts: Record<C, number>, flags: readonly string[]) {
  const given = { counts: { ...counts }, flags: new Set<string>() };
  for (let index = 0; index < args.length; index += 1) {
    const name = args[index]!;
    if (flags.includes(name)) {
      given.flags.add(name);
      continue;
    }
    const value = Number(args[(index += 1)]);
    if (!Object.hasOwn(counts, name) || !Number.isInteger(value) || value < 1) return null;
    given.counts[name as C] = value;
  }
  return given;
}

/** `npm run test:faults -- flood`: one source sends more than its share while another sends one review a second (ING-12.d). */
export async function runFlood(args: readonly string[]): Promise<void> {
  const usual = { '--at-once': 3_000, '--per-s': 500, '--seconds': 60 };
  const given = read(args, usual, ['--unlimited', '--json']);
  if (given === null) return refuse(FLOOD_USAGE);
  const { counts, flags } = given;
  const json = flags.has('--json');
  const shapes: Shape[] = [{ at_once: counts['--at-once'] }, { per_s: counts['--per-s'], for_s: counts['--seconds'] }];
  const tuning = flags.has('--unlimited') ? { ingest: PATIENT } : limitedTo();
  await onOwnSystem({ tuning }, json, async (system, tell) => {
    const runs: ({ shape: string; holds: boolean } & FloodFigures)[] = [];
    for (const shape of shapes) {
      const figures = await measureFlood(system, { shape, every_ms: EVERY_MS, reviews: REVIEWS, say: tell });
      const holds = [figures.shared, figures.own].every(({ ratio }) => ratio <= AT_MOST);
      runs.push({ shape: shapeInWords(shape), holds, ...figures });
    }
    if (json) console.log(JSON.stringify(runs));
    else for (const run of runs) printFlood(run);
    return runs.every(({ holds }) => holds);
  });
}

/** `npm run test:faults -- night`: a healthy endpoint beside one that is dead, one that is slow and one that takes few (WQ-9). */
export async function runNight(args: readonly string[]): Promise<void> {
  const given = read(args, { '--per-s': 45, '--seconds': 300 }, ['--json']);
  if (given === null) return refuse(NIGHT_USAGE);
  const { '--per-s': per_s, '--seconds': night_s } = given.counts;
  const json = given.flags.has('--json');
  // Each review once, and what is tried again.
  const sink_records = per_s * (ALONE_S + night_s) * 3;
  await onOwnSystem({ sink_records, tuning: { ingest: PATIENT } }, json, async (system, tell) => {
    const figures = await measureNight(system, {
      per_s,
      night_s,
      alone_s: ALONE_S,
      nights: 1,
      behind: BEHIND,
      say: tell,
    });
    const holds = holdsAtNight(figures);
    if (json) console.log(JSON.stringify({ ...figures, holds }));
    else printNight(figures, holds);
    return holds;
  });
}

function refuse(usage: string): void {
  console.error(usage);
  process.exitCode = 2;
}

async function onOwnSystem(
  options: TestSystemOptions,
  json: boolean,
  work: (system: TestSystem, tell: (line: string) => void) => Promise<boolean>,
): Promise<void> {
  const tell = json ? () => undefined : note;
  const build = join(import.meta.dirname, '..', '..', '..');
  const run = { build, log_directory: join(localDirectory(), 'logs', 'faults-fairness') };
  const system = await startSystem({ own_stack: true, run, progress: tell, ...options });
  closeOnSignals(system);
  try {
    if (await work(system, tell)) return;
    process.exitCode = 1;
    if (!json) say(red(`  logs: ${system.log_directory}`));
  } finally {
    await system.close();
  }
}

function printFlood({
  flood,
  holds,
  own,
  shape,
  shared,
  unavailable,
}: FloodFigures & { shape: string; holds: boolean }): void {
  const row = (of: string, waits: Waits) => [
    of,
    ...[waits.alone_ms, waits.beside_ms, waits.ratio, waits.reviews].map(String),
  ];
  say();
  table([
    [`median ms, POST to succeeded`, 'alone', shape, 'ratio', 'reviews'],
    row("to the flood's endpoint", shared),
    row('to an endpoint of its own', own),
  ]);
  note(`the flood: ${flood.accepted} accepted at ${flood.accepted_per_s} a second, told at ${flood.told_per_s}`);
  if (unavailable > 0) note(`the other source: ${unavailable} answers 503`);
  note(`           ${flood.refused} answers 429 or 503`);
  say(holds ? green(`  no more than ${AT_MOST} times`) : red(`  MORE THAN ${AT_MOST} TIMES`));
}

function printNight({ alone_ms, beside_ms, requests, sent }: NightFigures, holds: boolean): void {
  say();
  table([
    ['ms from POST to webhook', 'p50', 'p99'],
    ['alone', String(alone_ms.p50), String(alone_ms.p99)],
    ['beside the others', String(beside_ms.p50), String(beside_ms.p99)],
  ]);
  note(`${sent} reviews to each; requests: ${JSON.stringify(requests)}`);
  const allowed = `${MAY_GROW.times} times, or ${MAY_GROW.by_ms} ms more`;
  say(holds ? green(`  no more than ${allowed}`) : red(`  MORE THAN ${allowed}`));
}
