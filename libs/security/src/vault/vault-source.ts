import { notify } from '../notices.js';
import type { SecretCheck, SecretSource } from '../secret-source.js';
import type { Secret } from '../secret.js';
import { secretWithoutNewline } from '../secret.js';
import type { VaultKeys } from './vault-client.js';
import { VaultFault } from './vault-fault.js';
import type { VaultReference } from './vault-reference.js';

/** What a look at one secret brought, and when by the monotonic clock. */
export interface VaultReading {
  outcome: VaultKeys | VaultFault;
  at_ms: number;
}

/** One reference in use: keeps its last good value, whatever the vault says later. */
export class VaultSource implements SecretSource {
  readonly #listeners = new Set<() => void>();
  #secret: Secret;
  #good_at_ms: number;
  /** What is wrong with the newest value, once it has been told. */
  #told: string | null = null;

  /**
   * Throws, naming the reference and never the value, where the first reading has none that passes `check`.
   *
   * @param reference as it is written: `vault:app/ingest#postgres_url`
   */
  constructor(
    readonly reference: string,
    readonly at: VaultReference,
    first: VaultReading,
    private readonly check: SecretCheck,
    private readonly closed: (source: VaultSource) => void,
  ) {
    this.#secret = this.#usable(first.outcome);
    this.#good_at_ms = first.at_ms;
  }

  current(): Secret {
    return this.#secret;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.closed(this);
  }

  /** Seconds since the vault last gave a value that can be used. */
  get age_s(): number {
    return Math.max(0, performance.now() - this.#good_at_ms) / 1_000;
  }

  /** A later reading. What cannot be used is told once and leaves the last good value in force. */
  take({ outcome, at_ms }: VaultReading): void {
    let secret: Secret;
    try {
      secret = this.#usable(outcome);
    } catch (error) {
      this.#refuse(error as Error);
      return;
    }
    this.#good_at_ms = at_ms;
    this.#told = null;
    if (secret.reveal() === this.#secret.reveal()) return;
    this.#secret = secret;
    notify({ event: 'secret_reloaded', reference: this.reference });
    for (const listener of this.#listeners) listener();
  }

  #usable(outcome: VaultKeys | VaultFault): Secret {
    if (outcome instanceof VaultFault) throw unreadable(this.reference, outcome);
    const { api_path, key } = this.at;
    const found = outcome.get(key);
    if (!found) {
      const lack = found === null ? `what stands at ${key} of ${api_path} is no text` : `${api_path} has no key ${key}`;
      throw unreadable(this.reference, new VaultFault(found === null ? 'unusable' : 'missing', lack));
    }
    const secret = secretWithoutNewline(found.reveal());
    if (secret === null) throw unreadable(this.reference, new VaultFault('unusable', `${key} of ${api_path} is empty`));
    this.check(secret.reveal());
    return secret;
  }

  #refuse(error: Error): void {
    // eslint-disable-next-line no-restricted-syntax -- whether the same has been told before; nothing else hangs on it
    if (this.#told === error.message) return;
    this.#told = error.message;
    notify({ event: 'secret_refused', reference: this.reference, error });
  }
}

/** No colon follows the reference: the redactor would take what comes after its key for the secret. */
export function unreadable(reference: string, fault: VaultFault): Error {
  return new Error(`${reference} cannot be read, since ${fault.message}`, { cause: fault });
}
