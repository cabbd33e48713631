import type { Category, Channel, Confidence, Severity } from '@assay/contracts';
import { domainOfAddress } from './mail-route.js';

/** Which findings a recipient is told of (DEL-16); null: that does not matter. */
export interface FindingFilter {
  /** This or worse. */
  min_severity: Severity | null;
  /** This or surer; a finding without a confidence passes. */
  min_confidence: Confidence | null;
  categories: readonly Category[] | null;
}

/** What of DEL-8's schedule a destination has for itself, in milliseconds but for the attempts. */
export interface ScheduleRules {
  quick_attempts?: number;
  retry_first_ms?: number;
  retry_cap_ms?: number;
  patient_first_ms?: number;
  patient_cap_ms?: number;
  give_up_after_ms?: number;
}

/** How deliveries to a destination are made, where that is not as the settings say (DEL-16). */
export interface DeliveryRules {
  schedule: ScheduleRules;
  /** Null: every finding is told. */
  filter: FindingFilter | null;
  /** Where no finding is left, nobody is told. */
  skip_empty: boolean;
  /** Of a mail domain that takes less, or more, than the server that its mail goes through; null: as much as that. */
  max_bytes: number | null;
}

export const NO_RULES: DeliveryRules = { schedule: {}, filter: null, skip_empty: false, max_bytes: null };

/** The rules of all destinations. */
export interface RulesBook {
  /** By channel and address as one text, or by channel alone. */
  by_recipient: ReadonlyMap<string, DeliveryRules>;
  mail: { by_domain: ReadonlyMap<string, DeliveryRules>; otherwise: DeliveryRules };
}

export const EMPTY_RULES_BOOK: RulesBook = {
  by_recipient: new Map(),
  mail: { by_domain: new Map(), otherwise: NO_RULES },
};

export function rulesOf(book: RulesBook, { channel, address }: { channel: Channel; address: string }): DeliveryRules {
  const { by_recipient, mail } = book;
  if (channel === 'email') return mail.by_domain.get(domainOfAddress(address)) ?? mail.otherwise;
  return by_recipient.get(`${channel}:${address}`) ?? by_recipient.get(channel) ?? NO_RULES;
}

/** The members of an entry that are rules, as the file has them. */
export interface RulesFile {
  schedule?: ScheduleRules;
  min_severity?: Severity;
  min_confidence?: Confidence;
  categories?: Category[];
  skip_empty?: boolean;
}

/** @param wider what holds where the entry says nothing, member by member */
export function readRules(entry: RulesFile & { max_bytes?: number }, wider: DeliveryRules = NO_RULES): DeliveryRules {
  const filter: FindingFilter = {
    min_severity: entry.min_severity ?? wider.filter?.min_severity ?? null,
    min_confidence: entry.min_confidence ?? wider.filter?.min_confidence ?? null,
    categories: entry.categories ?? wider.filter?.categories ?? null,
  };
  const filters = Object.values(filter).some((each) => each !== null);
  return {
    schedule: { ...wider.schedule, ...entry.schedule },
    filter: filters ? filter : null,
    skip_empty: entry.skip_empty ?? wider.skip_empty,
    max_bytes: entry.max_bytes ?? wider.max_bytes,
  };
}
