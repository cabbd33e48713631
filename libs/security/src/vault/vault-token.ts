import { notify } from '../notices.js';
import type { Secret } from '../secret.js';
import { growingWaitMs } from './growing-wait.js';
import { VaultFault } from './vault-fault.js';
import type { VaultLease, VaultLogin } from './vault-login.js';

interface Held extends VaultLease {
  /** What the login gave, before renewals. */
  granted_ms: number;
  /** By the monotonic clock. */
  expires_at_ms: number;
}

/** Node fires a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const SHORTEST_WAIT_MS = 500;

/**
 * The token that a process reads with. It is renewed when two thirds of its lease are over; where that is refused, or gives
 * less than half of what the login gave (its longest life is nearly over), the process logs in anew, while the old token
 * still serves. A refused login is not tried again at once, whoever asks.
 */
export class VaultToken {
  #held: Held | null = null;
  #timer: NodeJS.Timeout | undefined;
  #logging_in: Promise<Secret> | null = null;
  #logged_in_at_ms = -Infinity;
  #refusal: { fault: VaultFault; until_ms: number; times: number } | null = null;
  #closed = false;

  /** @param least_ms between two logins; longest wait after a refused one */
  constructor(
    private readonly login: VaultLogin,
    private readonly least_ms: number,
  ) {}

  /** Throws {@link VaultFault}. */
  async current(): Promise<Secret> {
    const held = this.#held;
    const serves = held && performance.now() < held.expires_at_ms && !(await this.login.isReplaced(held.token));
    return serves ? held.token : this.#logIn();
  }

  /** Another token than one that the vault does not know any more; the same where the process has only just logged in. */
  async insteadOf(refused: Secret): Promise<Secret> {
    const held = this.#held;
    if (held && held.token !== refused) return held.token;
    if (performance.now() - this.#logged_in_at_ms < this.least_ms) return refused;
    return this.#logIn();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #logIn(): Promise<Secret> {
    this.#logging_in ??= this.#tryLogIn().finally(() => (this.#logging_in = null));
    return this.#logging_in;
  }

  async #tryLogIn(): Promise<Secret> {
    if (this.#refusal && performance.now() < this.#refusal.until_ms) throw this.#refusal.fault;
    const asked_at_ms = performance.now();
    try {
      const lease = await this.login.login();
      this.#refusal = null;
      this.#logged_in_at_ms = asked_at_ms;
      this.#hold(lease, lease.lease_ms, asked_at_ms);
      notify({ event: 'vault_login', outcome: 'logged_in' });
      return lease.token;
    } catch (error) {
      if (error instanceof VaultFault && error.kind === 'login_refused') this.#noteRefusal(error);
      notify({ event: 'vault_login', outcome: 'failed' });
      throw error;
    }
  }

  #noteRefusal(fault: VaultFault): void {
    const times = (this.#refusal?.times ?? 0) + 1;
    this.#refusal = { fault, times, until_ms: performance.now() + growingWaitMs(times, this.least_ms) };
  }

  #hold(lease: VaultLease, granted_ms: number, asked_at_ms: number): void {
    this.#held = { ...lease, granted_ms, expires_at_ms: asked_at_ms + lease.lease_ms };
    this.#renewIn((lease.lease_ms * 2) / 3);
  }

  #renewIn(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#closed || ms === Infinity) return;
    const wait_ms = Math.min(Math.max(ms, SHORTEST_WAIT_MS), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => void this.#renew(), wait_ms).unref();
  }

  async #renew(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    try {
      if (await this.#isRenewed(held)) notify({ event: 'vault_login', outcome: 'renewed' });
      else await this.#logIn();
    } catch {
      // The token serves until it expires; after that whoever reads logs in, and tells what is wrong.
      const left_ms = held.expires_at_ms - performance.now();
      if (left_ms > 0) this.#renewIn(left_ms / 3);
    }
  }

  async #isRenewed(held: Held): Promise<boolean> {
    if (!held.renewable) return false;
    const asked_at_ms = performance.now();
    const lease = await this.login.renew(held.token);
    if (lease === null || lease.lease_ms * 2 < held.granted_ms) return false;
    this.#hold(lease, held.granted_ms, asked_at_ms);
    return true;
  }
}
