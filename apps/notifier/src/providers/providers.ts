import type { Channel } from '@assay/contracts';
import { EMPTY_RULES_BOOK, mailProviderOf, rulesOf } from '@assay/providers-file';
import type { DeliveryRules, MailRoute, RulesBook } from '@assay/providers-file';
import type { Provider } from './provider.js';

/** Nest token of {@link Providers}. */
export const PROVIDERS = Symbol('Providers');

/** The providers of this installation, and which of them tells whom. */
export class Providers {
  readonly #by_name: ReadonlyMap<string, Provider>;
  readonly #by_channel: ReadonlyMap<Channel, Provider>;

  /** @param route where several providers serve mail */
  constructor(
    providers: readonly Provider[],
    private readonly route: MailRoute = { by_domain: new Map(), otherwise: null },
    private readonly rules: RulesBook = EMPTY_RULES_BOOK,
  ) {
    this.#by_name = new Map(providers.map((provider) => [provider.name, provider]));
    this.#by_channel = new Map(providers.map((provider) => [provider.channel, provider]));
  }

  /**
   * Who tells a recipient. What may have been sent stays with the provider that may have sent it, whatever is configured
   * since: only there can its key be asked for, or be known.
   */
  of({ channel, address, sent_via = null }: Recipient): Provider | undefined {
    if (sent_via !== null) return this.#by_name.get(sent_via);
    const named = channel === 'email' ? mailProviderOf(this.route, address) : null;
    return named === null ? this.#by_channel.get(channel) : this.#by_name.get(named);
  }

  /** How a recipient's deliveries are made (DEL-16). */
  rulesOf({ channel, address }: Pick<Recipient, 'channel' | 'address'>): DeliveryRules {
    return rulesOf(this.rules, { channel, address });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#by_name.values()].map((provider) => provider.close()));
  }
}

interface Recipient {
  channel: Channel;
  address: string;
  /** The provider of an intent that is in doubt. */
  sent_via?: string | null;
}
