import type { TestSystem } from '@assay/testing';
import { SOURCES, type Source } from '../../infra/local/secrets.js';
import { judge, type Verdict } from './check.js';
import type { Evidence } from './evidence.js';
import { FaultInjector } from './inject.js';
import { Observer } from './observe.js';
import { Operator } from './operator.js';
import { type Recovery, recoveries } from './recovery.js';
import { describeFault, drawSchedule, type Schedule, type Volley } from './schedule.js';
import { Submitter } from './submit.js';

/** Short leases and sessions: what a killed process held is taken over in seconds. */
export const LEASE_MS = 2_000;
export const TUNING = {
  all: {
    ASSAY_LEASE_MS: String(LEASE_MS),
    ASSAY_SWEEP_INTERVAL_MS: '500',
    ASSAY_KAFKA_SESSION_TIMEOUT_MS: '6000',
    // Below half the lease, as its setting asks. With the second of grace a statement that went into a hole is given up
    // after 1.7 s: a renewal, which begins after a third of the lease, then comes too late, and the lease is another's.
    ASSAY_POSTGRES_STATEMENT_TIMEOUT_MS: '700',
    ASSAY_LOG_LEVEL: 'info',
  },
  notifier: {
    ASSAY_NOTIFIER_SEND_TIMEOUT_MS: '900',
    ASSAY_NOTIFIER_RECONCILE_INTERVAL_MS: '500',
    ASSAY_NOTIFIER_CIRCUIT_MAX_OPEN_MS: '8000',
    // What has met five faults in a row is waited for at the end of the day.
    ASSAY_NOTIFIER_PATIENT_FIRST_MS: '8000',
    ASSAY_NOTIFIER_PATIENT_CAP_MS: '8000',
  },
};

/** The endpoint that refuses for good until the middle of the day. */
const GONE = 'gone';

export interface DayOptions {
  seed: number;
  submissions: number;
  /** Default as many as go with so many submissions. */
  faults?: number;
  /** The directory that the repository was built into. */
  build: string;
  /** Nothing has moved for so long: what is not settled then counts as lost. */
  patience_ms: number;
  say: (line: string) => void;
}

export interface Day {
  schedule: Schedule;
  verdict: Verdict;
  recoveries: Recovery[];
  /** Reruns included. */
  submitted: number;
  posts: number;
  /** Connections that ended at a COMMIT. */
  cuts: number;
  /** From the first submission until everything was settled, or given up. */
  took_ms: number;
}

/** Submits under faults until all is accepted, lets everything settle, and judges what can be seen from outside. */
export async function runBadDay(system: TestSystem, options: DayOptions): Promise<Day> {
  const { build, patience_ms, say, seed, submissions } = options;
  const schedule = drawSchedule(seed, submissions, LEASE_MS, options.faults);
  const injector = new FaultInjector(system, build);
  const observer = new Observer(system);
  const begun_at_ms = performance.now();
  const operator = new Operator(system);
  await system.sinks.behave(GONE, { answer: 410 });
  const submitter = await submitUnderFaults(system, schedule, { injector, operator }, say).finally(() =>
    // Also when the day fails: what is frozen would outlive it.
    injector.liftAll(),
  );
  say(`${submitter.accepted.length} accepted, ${injector.injected.length} faults lifted; waiting for the rest`);
  await observer.untilQuiet(operator, patience_ms, say);
  const took_ms = performance.now() - begun_at_ms;
  say('reading what can be seen from outside');
  const evidence: Evidence = {
    ...(await gather(system, observer, submitter)),
    plan: operator.plan,
    poison_announced: injector.poison_announced,
  };
  const jobs = SOURCES.flatMap((source) => evidence.jobs[source]);
  return {
    schedule,
    verdict: judge(evidence),
    recoveries: recoveries(injector.injected, jobs),
    submitted: submitter.submitted,
    posts: submitter.posts,
    cuts: injector.cuts,
    took_ms,
  };
}

async function submitUnderFaults(
  system: TestSystem,
  { submissions, volleys }: Schedule,
  { injector, operator }: { injector: FaultInjector; operator: Operator },
  say: (line: string) => void,
): Promise<Submitter> {
  const reached = new Threshold();
  const submitter = new Submitter(system, () => reached.count());
  const submitting = submitter.run(submissions);
  const replaying = reached.of(Math.floor(submissions / 2)).then(() => {
    say(`at ${Math.floor(submissions / 2)}: ${GONE} answers again, an operator replays what it had refused`);
    return operator.replayRefused(GONE);
  });
  const working = Promise.all([submitting, replaying]);
  for (const [index, volley] of volleys.entries()) {
    // Until the next volley, and while it is lifted, so much may come in.
    const next = volleys[index + 1]?.at_accepted ?? submissions;
    submitter.release(next, volley.submission_gap_ms);
    await Promise.race([reached.of(volley.at_accepted), working]);
    await inject(volley, injector, say);
  }
  submitter.release(submissions, 0);
  await working;
  return submitter;
}

async function inject({ at_accepted, faults }: Volley, injector: FaultInjector, say: (line: string) => void) {
  for (const fault of faults) say(`at ${at_accepted}: ${describeFault(fault)}`);
  // None is still under way when another has failed: whoever lifts them all would miss it.
  const ends = await Promise.allSettled(faults.map((fault) => injector.inject(fault)));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

async function gather(
  system: TestSystem,
  observer: Observer,
  submitter: Submitter,
): Promise<Omit<Evidence, 'plan' | 'poison_announced'>> {
  const bySource = async <T>(read: (source: Source) => Promise<T>): Promise<Record<Source, T>> => {
    const entries = await Promise.all(SOURCES.map(async (source) => [source, await read(source)] as const));
    return Object.fromEntries(entries) as Record<Source, T>;
  };
  const { accepted, doubled, refused } = submitter;
  const dead_letters = await observer.deadLetters(null);
  return {
    accepted,
    doubled,
    refused,
    jobs: await bySource((source) => observer.jobs(source)),
    dead_letters,
    dead_letters_of: await bySource((source) => observer.deadLetters(source)),
    settled: await observer.settledRecords(),
    changed: await observer.changedRecords(),
    webhooks: await system.sinks.webhooks(),
    mails: await system.sinks.mails(),
    messages: await system.sinks.messages(),
    seen_by_others: [...(await observer.seenByOthers(accepted)), ...(await observer.lettersSeenByOthers(dead_letters))],
  };
}

/** Counts up, and says when a number is reached. */
class Threshold {
  #count = 0;
  #waiting: { at: number; resolve: () => void }[] = [];

  count(): void {
    this.#count += 1;
    this.#waiting = this.#waiting.filter(({ at, resolve }) => {
      if (at > this.#count) return true;
      resolve();
      return false;
    });
  }

  of(at: number): Promise<void> {
    if (this.#count >= at) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ at, resolve }));
  }
}
