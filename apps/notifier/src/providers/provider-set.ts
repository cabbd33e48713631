import type { Channel } from '@assay/contracts';
import { EMPTY_RULES_BOOK, mailProviderOf, rulesOf } from '@assay/providers-file';
import type { DeliveryRules, MailRoute, RulesBook } from '@assay/providers-file';
import type { Destination, Provider } from './provider.js';

export interface Recipient {
  channel: Channel;
  address: string;
  /** The provider of an intent that is in doubt. */
  sent_via?: string | null;
}

const NO_ROUTE: MailRoute = { by_domain: new Map(), otherwise: null };

/** What is made of one reading of the providers file, and serves and ends as one. */
export class ProviderSet {
  readonly #by_name: ReadonlyMap<string, Provider>;
  readonly #by_channel: ReadonlyMap<Channel, Provider>;
  /** Attempts that have begun with it. */
  #in_use = 0;
  #retired: (() => void) | undefined;

  /**
   * @param route where several providers serve mail
   * @param release what to end besides the providers, such as the watching of secrets
   */
  constructor(
    providers: readonly Provider[],
    private readonly route: MailRoute = NO_ROUTE,
    private readonly rules: RulesBook = EMPTY_RULES_BOOK,
    private readonly release: () => void = () => undefined,
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

  /** A destination as it stands here, by its name and an address that it has served; null where there is none. */
  destinationNamed(name: string, { channel, address }: Pick<Recipient, 'channel' | 'address'>): Destination | null {
    const provider = channel === 'email' ? this.#by_name.get(name) : this.#by_channel.get(channel);
    const destination = provider?.destinationOf(address) ?? null;
    return destination?.name === name ? destination : null;
  }

  begin(): void {
    this.#in_use += 1;
  }

  end(): void {
    this.#in_use -= 1;
    if (this.#in_use === 0) this.#retired?.();
  }

  /** Closes it as soon as no attempt is under way with it. */
  async retire(): Promise<void> {
    if (this.#in_use > 0) await new Promise<void>((resolve) => (this.#retired = resolve));
    await this.close();
  }

  async close(): Promise<void> {
    this.release();
    await Promise.all([...this.#by_name.values()].map((provider) => provider.close()));
  }
}
