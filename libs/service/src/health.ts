import { Injectable } from '@nestjs/common';
import { Failure } from '@assay/contracts';

export interface CheckResult {
  ok: boolean;
  /** The failure's code; never its message, since these answers are public. */
  code?: string;
}

const CHECK_TIMEOUT_MS = 2_000;

/** `/readyz`: whether this replica should be sent requests. Parts register what they need. */
@Injectable()
export class Readiness {
  readonly #checks = new Map<string, () => Promise<void>>();
  #draining = false;

  /** `check` rejects while the part is not usable. */
  register(name: string, check: () => Promise<void>): void {
    this.#checks.set(name, check);
  }

  /** From now on not ready: the shutdown has begun. */
  drain(): void {
    this.#draining = true;
  }

  async report(): Promise<{ ok: boolean; checks: Record<string, CheckResult> }> {
    const names = [...this.#checks.keys()];
    const results = await Promise.all([...this.#checks.values()].map((check) => resultOf(check)));
    const checks: Record<string, CheckResult> = {};
    names.forEach((name, index) => (checks[name] = results[index]!));
    if (this.#draining) checks.shutdown = { ok: false, code: 'draining' };
    return { ok: Object.values(checks).every(({ ok }) => ok), checks };
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
      (error: unknown): CheckResult => ({ ok: false, code: Failure.from(error).code }),
    );
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
}

/**
 * `/livez`: progress, not mere being (OPS-1). A loop beats once per turn and says how long its silence may last; one
 * that is silent for longer hangs, and the process should be replaced. By the monotonic clock (GEN-4).
 */
@Injectable()
export class Liveness {
  readonly #loops = new Map<string, { beaten_at_ms: number; max_silence_ms: number }>();

  beat(name: string, max_silence_ms: number): void {
    const loop = this.#loops.get(name);
    if (loop) {
      loop.beaten_at_ms = performance.now();
      loop.max_silence_ms = max_silence_ms;
    } else {
      this.#loops.set(name, { beaten_at_ms: performance.now(), max_silence_ms });
    }
  }

  /** The loop has ended as it should. */
  forget(name: string): void {
    this.#loops.delete(name);
  }

  report(): { ok: boolean; loops: Record<string, { ok: boolean; silent_ms: number; max_silence_ms: number }> } {
    const now_ms = performance.now();
    const loops: Record<string, { ok: boolean; silent_ms: number; max_silence_ms: number }> = {};
    for (const [name, { beaten_at_ms, max_silence_ms }] of this.#loops) {
      const silent_ms = Math.round(now_ms - beaten_at_ms);
      loops[name] = { ok: silent_ms <= max_silence_ms, silent_ms, max_silence_ms };
    }
    return { ok: Object.values(loops).every(({ ok }) => ok), loops };
  }
}
