/** Which provider tells a mail address, by its domain. */
export interface MailRoute {
  by_domain: ReadonlyMap<string, string>;
  /** For every other domain; null where no provider serves mail. */
  otherwise: string | null;
}

/** The domain of an address as the file writes domains. */
export function domainOfAddress(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** The name of the provider that tells an address; null where none does. */
export function mailProviderOf({ by_domain, otherwise }: MailRoute, address: string): string | null {
  return by_domain.get(domainOfAddress(address)) ?? otherwise;
}
