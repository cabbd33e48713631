import { Failure } from '@assay/contracts';

/** Too slow so often when it is alone, while others pass, a unit is itself what is wrong (GEN-7). */
const TIMEOUTS_OF_ONE = 3;

/** What was not done for a reason that is nobody's own: it may be asked again, later. */
export interface Left<Unit> {
  units: Unit[];
  failure: Failure;
}

/**
 * Does a batch as a whole and, where it fails for what stands in it, in halves until the culprit is alone, so that one
 * bad unit never fails its neighbours (GEN-7). Every batch of Assay falls back by this one rule.
 *
 * - A failure that no retry mends, of a unit alone, is that unit's: `failed` has it, and the rest goes on.
 * - An outage is everybody's: what it hit is returned as left, undivided.
 * - A conflict, such as a lock that another session hangs on to, is divided, too, so that the rest goes on; the unit that
 *   meets it is left, and never failed for it.
 * - A time-out may be either. If nothing passes without the rest, it is an outage; else the slow half is divided further,
 *   and a unit that is too slow three times alone has failed.
 *
 * @param act does all of the units it is given, or throws and has done none of them; it may be asked again (GEN-2)
 */
export async function oneByOne<Unit>(
  units: readonly Unit[],
  act: (units: readonly Unit[]) => Promise<void>,
  failed: (unit: Unit, failure: Failure) => void | Promise<void>,
): Promise<Left<Unit> | null> {
  if (units.length === 0) return null;
  const attempt = async (some: readonly Unit[]): Promise<Failure | null> => {
    try {
      await act(some);
      return null;
    } catch (error) {
      return Failure.from(error);
    }
  };
  return new Division(attempt, failed).judge(units, await attempt(units), false);
}

class Division<Unit> {
  constructor(
    private readonly attempt: (units: readonly Unit[]) => Promise<Failure | null>,
    private readonly failed: (unit: Unit, failure: Failure) => void | Promise<void>,
  ) {}

  /** @param others_passed beside these units, so that a time-out may be theirs */
  async judge(units: readonly Unit[], failure: Failure | null, others_passed: boolean): Promise<Left<Unit> | null> {
    if (failure === null) return null;
    const one_may_be_slow = failure.error_class === 'DEPENDENCY_TIMEOUT' && (others_passed || units.length > 1);
    const one_may_wait = failure.error_class === 'CONFLICT' && units.length > 1;
    if (failure.retryable && !one_may_be_slow && !one_may_wait) return { units: [...units], failure };
    if (units.length > 1) return this.#divide(units, failure, others_passed);
    const [unit] = units as [Unit];
    if (failure.retryable) return this.#slowAlone(unit, failure);
    await this.failed(unit, failure);
    return null;
  }

  async #divide(units: readonly Unit[], failure: Failure, others_passed: boolean): Promise<Left<Unit> | null> {
    const middle = Math.ceil(units.length / 2);
    const halves = [units.slice(0, middle), units.slice(middle)];
    const outcomes: (Failure | null)[] = [];
    for (const half of halves) outcomes.push(await this.attempt(half));
    if (!others_passed && outcomes.every((outcome) => outcome?.retryable)) return { units: [...units], failure };
    const passed = others_passed || outcomes.includes(null);
    const left = [];
    for (const [index, half] of halves.entries()) left.push(await this.judge(half, outcomes[index]!, passed));
    return together(left);
  }

  async #slowAlone(unit: Unit, first: Failure): Promise<Left<Unit> | null> {
    let failure: Failure | null = first;
    for (let timeouts = 1; timeouts < TIMEOUTS_OF_ONE; timeouts += 1) {
      failure = await this.attempt([unit]);
      if (failure?.error_class !== 'DEPENDENCY_TIMEOUT') return this.judge([unit], failure, false);
    }
    await this.failed(unit, forGood(failure ?? first));
    return null;
  }
}

function together<Unit>(parts: readonly (Left<Unit> | null)[]): Left<Unit> | null {
  const left = parts.filter((part) => part !== null);
  return left.length === 0 ? null : { units: left.flatMap(({ units }) => units), failure: left[0]!.failure };
}

function forGood(failure: Failure): Failure {
  const { error_class, code, message } = failure;
  return new Failure({ error_class, code, message, retryable: false, cause: failure });
}
