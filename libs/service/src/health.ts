import { Injectable } from '@nestjs/common';
import { Failure } from '@assay/contracts';

export interface CheckResult {
  ok: boolean;
  /** The failure's code; never its message, since these answers are public. */
  code?: string;
  /** What it is about, in words that a stranger may read, such as the name of an entry. */
  detail?: string;
}

/** What a check may reject with to say more than its code; the detail is public. */
export class CheckFailure extends Failure {
  constructor(
    code: string,
    readonly detail: string,
  ) {
    super({ error_class: 'DEPENDENCY_UNAVAILABLE', code, retryable: true, message: `${code}: ${detail}` });
  }
}

const CHECK_TIMEOUT_MS = 2_000;

interface Check {
  check: () => Promise<void>;
  told_only: boolean;
}

/** `/readyz`: whether this replica should be sent requests. Parts register what they need. */
@Injectable()
export class Readiness {
  readonly #checks = new Map<string, Check>();
  #draining = false;

  /**
   * `check` rejects while the part is not usable.
   *
   * @param options.told_only the answer names it, and the replica is ready all the same: requests do not need it (GEN-10)
   */
  register(name: string, check: () => Promise<void>, options: { told_only?: boolean } = {}): void {
    this.#checks.set(name, { check, told_only: options.told_only ?? false });
  }

  /** From now on not ready: the shutdown has begun. */
  drain(): void {
    this.#draining = true;
  }

  async report(): Promise<{ ok: boolean; checks: Record<string, CheckResult> }> {
    const entries = [...this.#checks];
    const results = await Promise.all(entries.map(([, { check }]) => resultOf(check)));
    const checks: Record<string, CheckResult> = {};
    entries.forEach(([name], index) => (checks[name] = results[index]!));
    const required = entries.every(([, { told_only }], index) => told_only || results[index]!.ok);
    if (this.#draining) checks.shutdown = { ok: false, code: 'draining' };
    return { ok: required && !this.#draining, checks };
  }
}

async function resultOf(check: () => Promise<void>): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, code: 'timed_out' }), CHECK_TIMEOUT_MS);
  });
  const outcome = Promise.resolve()
    .then(check)
    .then(
      (): CheckResult => ({ ok: true }),
      (error: unknown): CheckResult => ({
        ok: false,
        code: Failure.from(error).code,
        ...(error instanceof CheckFailure && { detail: error.detail }),
      }),
    );
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
}

interface Work {
  /** Begun and not ended. */
  pending: number;
  /** When the last of it ended, or, had none been pending, when it began. */
  since_ms: number;
  max_silence_ms: number;
}

/**
 * `/livez`: progress, not mere being (OPS-1). It fails where work was due and none of it ended in the time allowed: the
 * process hangs, and should be replaced. An end by time-out is an end, for another process would fare no better; and who
 * has nothing to do lives (GEN-10). By the monotonic clock (GEN-4).
 */
@Injectable()
export class Liveness {
  readonly #works = new Map<string, Work>();

  /** Work of this name has begun. Call what it returns once it has ended, well or not. */
  due(name: string, max_silence_ms: number): () => void {
    const work = this.#work(name, max_silence_ms);
    if (work.pending === 0) work.since_ms = performance.now();
    work.pending += 1;
    return () => {
      work.pending -= 1;
      work.since_ms = performance.now();
    };
  }

  /** A loop that has always work due has turned once. */
  beat(name: string, max_silence_ms: number): void {
    const work = this.#work(name, max_silence_ms);
    work.pending = 1;
    work.since_ms = performance.now();
  }

  /** The loop has ended as it should. */
  forget(name: string): void {
    this.#works.delete(name);
  }

  report(): { ok: boolean; loops: Record<string, { ok: boolean; silent_ms: number; max_silence_ms: number }> } {
    const now_ms = performance.now();
    const loops: Record<string, { ok: boolean; silent_ms: number; max_silence_ms: number }> = {};
    for (const [name, { pending, since_ms, max_silence_ms }] of this.#works) {
      const silent_ms = pending === 0 ? 0 : Math.round(now_ms - since_ms);
      loops[name] = { ok: pending === 0 || silent_ms <= max_silence_ms, silent_ms, max_silence_ms };
    }
    return { ok: Object.values(loops).every(({ ok }) => ok), loops };
  }

  #work(name: string, max_silence_ms: number): Work {
    const known = this.#works.get(name);
    if (known) {
      known.max_silence_ms = max_silence_ms;
      return known;
    }
    const work = { pending: 0, since_ms: performance.now(), max_silence_ms };
    this.#works.set(name, work);
    return work;
  }
}
