import { bold, green, red, say, table } from '../../infra/local/terminal.js';
import type { Day } from './bad-day.js';
import type { Verdict } from './check.js';
import { summarise } from './recovery.js';

const LINES_SHOWN = 20;

/** What must be empty, in the order of the report. */
export const MUST_BE_ZERO = ['lost', 'told_twice', 'unmarked', 'leaked'] as const;

export function holds(verdict: Verdict): boolean {
  return MUST_BE_ZERO.every((name) => verdict[name].length === 0);
}

/** One object, for another program. */
export function dayAsJson(
  { cuts, posts, recoveries, schedule, submitted, took_ms, verdict }: Day,
  log_directory: string,
): object {
  const { seed, submissions, volleys } = schedule;
  return {
    seed,
    submissions,
    submitted,
    holds: holds(verdict),
    took_ms: Math.round(took_ms),
    posts,
    cuts,
    faults: volleys.flatMap(({ faults }) => faults).length,
    verdict,
    recovery: summarise(recoveries),
    log_directory,
  };
}

export function printDay(day: Day): void {
  const { cuts, posts, submitted, took_ms, verdict } = day;
  const { accepted, by_state, open_by_class, open_dead_letters, poison, repeated_webhooks, replayed } = verdict;
  say();
  table([
    ['what', 'count', ''],
    ['submitted', String(submitted), `with reruns; ${posts} requests in ${(took_ms / 1_000).toFixed(0)} s`],
    ['commits cut', String(cuts), 'connections that ended at a COMMIT'],
    ['accepted', String(accepted), ''],
    ...Object.entries(by_state).map(([state, count]) => [`  ${state}`, String(count), '']),
    ['open dead letters', String(open_dead_letters), ''],
    ...Object.entries(open_by_class).map(([error_class, count]) => [`  ${error_class}`, String(count), '']),
    ...Object.entries(replayed).map(([state, count]) => [`replays ${state}`, String(count), '']),
    ['webhooks repeated', String(repeated_webhooks), 'under the same id with the same body'],
    ['poison parked', String(poison.parked), `${poison.announced_at_least} announcements were due`],
    ...MUST_BE_ZERO.map((name) => [
      name.replace('_', ' ').toUpperCase(),
      verdict[name].length === 0 ? green('0') : red(verdict[name].length),
      '',
    ]),
  ]);
  printKinds(verdict);
  printRecoveries(day);
  for (const name of MUST_BE_ZERO) printLines(name, verdict[name]);
}

function printKinds({ by_kind }: Verdict): void {
  const names = ['told', 'failed', 'unknown', ...MUST_BE_ZERO] as const;
  say();
  table([
    ['told by', ...names.map((name) => name.replace('_', ' '))],
    ...Object.entries(by_kind).map(([kind, counts]) => [kind, ...names.map((name) => String(counts[name]))]),
  ]);
}

function printRecoveries({ recoveries }: Day): void {
  const times = (each: { median: number; max: number } | null): string[] =>
    each === null ? ['-', '-'] : [seconds(each.median), seconds(each.max)];
  say();
  table([
    ['fault', 'times', 'first job after it settled: median', 'max', 'all until it was lifted settled: median', 'max'],
    ...Object.entries(summarise(recoveries)).map(([kind, { caught_up_ms, faults, first_settled_ms }]) => [
      kind,
      String(faults),
      ...times(first_settled_ms),
      ...times(caught_up_ms),
    ]),
  ]);
}

function printLines(name: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  say();
  say(bold(red(`${name.replace('_', ' ').toUpperCase()}: ${lines.length}`)));
  for (const line of lines.slice(0, LINES_SHOWN)) say(`  ${line}`);
  if (lines.length > LINES_SHOWN) say(`  … and ${lines.length - LINES_SHOWN} more; --json has all`);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
