import type { ListedJob } from './evidence.js';
import type { InjectedFault } from './inject.js';
import type { FaultKind } from './schedule.js';

/** How long one fault was felt. Null: no job came after it. */
export interface Recovery {
  kind: FaultKind;
  /** From its beginning until the first job that was accepted after that had settled. */
  first_settled_ms: number | null;
  /** From its beginning until every job that had been accepted by when it was lifted had settled. */
  caught_up_ms: number | null;
}

/** By the database's clock, which is this host's: the stack's Postgres runs here, and no fault shifts its clock. */
export function recoveries(injected: readonly InjectedFault[], jobs: readonly ListedJob[]): Recovery[] {
  const times = jobs.flatMap(({ accepted_at, generation, settled_at }) =>
    // A replayed job settled when an operator came to it, whatever went wrong before.
    settled_at === null || generation > 0
      ? []
      : [{ accepted_at_ms: Date.parse(accepted_at), settled_at_ms: Date.parse(settled_at) }],
  );
  return injected.map(({ begun_at_ms, fault, lifted_at_ms }) => {
    const after = times.filter(({ accepted_at_ms }) => accepted_at_ms > begun_at_ms);
    const until = times.filter(({ accepted_at_ms }) => accepted_at_ms <= lifted_at_ms);
    const first = after.map(({ settled_at_ms }) => settled_at_ms - begun_at_ms);
    const last = until.map(({ settled_at_ms }) => settled_at_ms - begun_at_ms);
    return {
      kind: fault.kind,
      first_settled_ms: first.length === 0 ? null : first.reduce((a, b) => Math.min(a, b)),
      caught_up_ms: last.length === 0 ? null : last.reduce((a, b) => Math.max(a, b, 0), 0),
    };
  });
}

export interface RecoverySummary {
  faults: number;
  first_settled_ms: { median: number; max: number } | null;
  caught_up_ms: { median: number; max: number } | null;
}

export function summarise(all: readonly Recovery[]): Partial<Record<FaultKind, RecoverySummary>> {
  const summaries: Partial<Record<FaultKind, RecoverySummary>> = {};
  for (const { kind } of all) {
    const own = all.filter((each) => each.kind === kind);
    summaries[kind] ??= {
      faults: own.length,
      first_settled_ms: middleAndMost(own.map((each) => each.first_settled_ms)),
      caught_up_ms: middleAndMost(own.map((each) => each.caught_up_ms)),
    };
  }
  return summaries;
}

function middleAndMost(values: readonly (number | null)[]): { median: number; max: number } | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  const max = sorted.at(-1);
  return median === undefined || max === undefined ? null : { median, max };
}
