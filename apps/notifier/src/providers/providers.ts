import type { DeliveryRules } from '@assay/providers-file';
import { ProviderSet } from './provider-set.js';
import type { Recipient } from './provider-set.js';
import type { Provider } from './provider.js';

/** Nest token of {@link Providers}. */
export const PROVIDERS = Symbol('Providers');

/** The providers of this installation as they stand, which a changed file replaces while the service runs. */
export class Providers {
  #set: ProviderSet;
  readonly #retiring = new Set<Promise<void>>();
  readonly #listeners = new Set<(set: ProviderSet) => void>();

  constructor(first: ProviderSet | readonly Provider[]) {
    this.#set = first instanceof ProviderSet ? first : new ProviderSet(first);
  }

  of(recipient: Recipient): Provider | undefined {
    return this.#set.of(recipient);
  }

  rulesOf(recipient: Pick<Recipient, 'channel' | 'address'>): DeliveryRules {
    return this.#set.rulesOf(recipient);
  }

  /** Runs an attempt with the providers as they stand now: it ends under what it began with, whatever replaces them. */
  async during<T>(attempt: (set: ProviderSet) => Promise<T>): Promise<T> {
    const set = this.#set;
    set.begin();
    try {
      return await attempt(set);
    } finally {
      set.end();
    }
  }

  /** What begins from now on goes by `next`; the others are closed once nothing is under way with them. */
  replace(next: ProviderSet): void {
    const before = this.#set;
    this.#set = next;
    const retiring = before.retire().finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
    for (const listener of this.#listeners) listener(next);
  }

  onReplaced(listener: (set: ProviderSet) => void): void {
    this.#listeners.add(listener);
  }

  /** Once no attempt is under way. */
  async close(): Promise<void> {
    await Promise.all([this.#set.close(), ...this.#retiring]);
  }
}
