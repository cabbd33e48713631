import { Failure } from '@assay/contracts';

/** Too slow so often when it is alone, while others pass, a unit is itself what is wrong (GEN-7). */
const TIMEOUTS_OF_ONE = 3;
/** If so many units, each alone, meet a time-out or a conflict, it is everybody's. */
const SINGLES_ASKED = 3;

/** What was not done for a reason that is nobody's own: it may be asked again, later. */
export interface Left<Unit> {
  units: Unit[];
  failure: Failure;
}

/**
 * Does a batch as a whole and, where it fails for what stands in it, in parts until the culprit is alone, so that one bad
 * unit never fails its neighbours (GEN-7). Every batch of Assay falls back by this one rule.
 *
 * - A failure that no retry mends, of a unit alone, is that unit's: `failed` has it, and the rest goes on.
 * - An outage is everybody's: what it hit is returned as left, undivided.
 * - A time-out, or a conflict such as a lock that another session hangs on to, may be one unit's or everybody's. Single
 *   units tell: if none of three passes it is an outage, and everything that is not done is left.
 * - A unit that meets a conflict alone is left, and never failed for it.
 * - A unit that is too slow three times alone has failed once another passes after that; else it is left, for the server
 *   may have stalled meanwhile.
 *
 * @param act does all of the units it is given, or throws and has done none of them; it may be asked again (GEN-2)
 */
export async function oneByOne<Unit>(
  units: readonly Unit[],
  act: (units: readonly Unit[]) => Promise<void>,
  failed: (unit: Unit, failure: Failure) => void | Promise<void>,
  random: () => number = Math.random,
): Promise<Left<Unit> | null> {
  const division = new Division(units.length > 1, act, failed, random);
  await division.ask(units);
  return division.left(units);
}

class Division<Unit> {
  readonly #left = new Set<Unit>();
  #left_for: Failure | null = null;
  /** Too slow three times alone; nothing has passed since. */
  #suspects: { unit: Unit; failure: Failure }[] = [];
  #outage: Failure | null = null;

  constructor(
    private readonly has_neighbours: boolean,
    private readonly act: (units: readonly Unit[]) => Promise<void>,
    private readonly failed: (unit: Unit, failure: Failure) => void | Promise<void>,
    private readonly random: () => number,
  ) {}

  /** What is not done, in the order in which it came. */
  left(units: readonly Unit[]): Left<Unit> | null {
    for (const { unit, failure } of this.#suspects) this.#leave([unit], failure);
    return this.#left_for && { units: units.filter((unit) => this.#left.has(unit)), failure: this.#left_for };
  }

  async ask(units: readonly Unit[]): Promise<void> {
    if (units.length === 0) return;
    if (this.#outage !== null) return this.#leave(units, this.#outage);
    const failure = await this.#attempt(units);
    if (failure === null) return;
    const one_of_many = units.length > 1 && (!failure.retryable || mayBeOnes(failure));
    if (one_of_many) await this.#divide(units, failure);
    else if (units.length === 1) await this.#judge(units[0]!, failure);
    else this.#leave(units, failure);
  }

  async #divide(units: readonly Unit[], failure: Failure): Promise<void> {
    const rest = failure.retryable ? await this.#singleOut(units, failure) : units;
    const middle = Math.ceil(rest.length / 2);
    await this.ask(rest.slice(0, middle));
    await this.ask(rest.slice(middle));
  }

  /**
   * Asks single units until one passes, or it is an outage. Returns those that were not asked. Drawn, for the same batch
   * may come again and again while one lock holds most of it, and the others would never have their turn.
   */
  async #singleOut(units: readonly Unit[], failure: Failure): Promise<Unit[]> {
    const waiting = [...units];
    const asked = new Map<Unit, Failure | null>();
    while (asked.size < SINGLES_ASKED && waiting.length > 0) {
      const [unit] = waiting.splice(Math.floor(this.random() * waiting.length), 1) as [Unit];
      asked.set(unit, await this.#attempt([unit]));
      if (asked.get(unit) === null) break;
    }
    if (![...asked.values()].includes(null)) this.#outage = failure;
    for (const [unit, own] of asked) if (own !== null) await this.#judge(unit, own);
    return units.filter((unit) => !asked.has(unit));
  }

  /** A unit that has just failed alone. */
  async #judge(unit: Unit, first: Failure): Promise<void> {
    let failure: Failure | null = first;
    for (let timeouts = 1; failure?.error_class === 'DEPENDENCY_TIMEOUT' && failure.retryable; timeouts += 1) {
      if (this.#outage !== null || !this.has_neighbours) return this.#leave([unit], failure);
      if (timeouts === TIMEOUTS_OF_ONE) return void this.#suspects.push({ unit, failure });
      failure = await this.#attempt([unit]);
    }
    if (failure?.retryable) this.#leave([unit], failure);
    else if (failure) await this.failed(unit, failure);
  }

  async #attempt(units: readonly Unit[]): Promise<Failure | null> {
    try {
      await this.act(units);
    } catch (error) {
      return Failure.from(error);
    }
    const suspects = this.#suspects.splice(0);
    for (const { unit, failure } of suspects) await this.failed(unit, forGood(failure));
    return null;
  }

  #leave(units: readonly Unit[], failure: Failure): void {
    for (const unit of units) this.#left.add(unit);
    this.#left_for ??= failure;
  }
}

/** Whether it may be the fault of one of many, though another attempt might mend it. */
function mayBeOnes({ error_class }: Failure): boolean {
  return error_class === 'DEPENDENCY_TIMEOUT' || error_class === 'CONFLICT';
}

function forGood(failure: Failure): Failure {
  const { error_class, code, message } = failure;
  return new Failure({ error_class, code, message, retryable: false, cause: failure });
}
