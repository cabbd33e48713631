import { isForbiddenAddress } from '@assay/security';
import { pointerPart } from './faults.js';
import type { Faults } from './faults.js';
import type { MailApiFile, MailFile, SmtpFile } from './file-shape.js';
import type { MailApiService } from './mail-api.settings.js';
import type { MailRoute } from './mail-route.js';
import { MAIL_SERVICES } from './mail-services/index.js';
import { unknownPlaceholders } from './mapping.js';
import type { MailApiMapping } from './mapping.js';
import { readSecurity } from './read-entries.js';
import type { ReadEntry } from './read-entries.js';
import type { SmtpSettings } from './smtp.settings.js';

function domainOf(from: string): string {
  return /@([A-Za-z0-9.-]+)>?$/.exec(from)![1]!.toLowerCase();
}

export function readSmtp(faults: Faults, smtp: SmtpFile): SmtpSettings {
  if (isForbiddenAddress(smtp.host)) faults.forbidden('/smtp/host');
  const password = smtp.password === undefined ? null : faults.secret(smtp.password, '/smtp/password');
  return {
    ...smtp,
    user: smtp.user ?? null,
    password,
    security: readSecurity(faults, '/smtp', smtp),
    message_id_domain: smtp.message_id_domain ?? domainOf(smtp.from),
    rate_per_s: smtp.rate_per_s ?? null,
    max_bytes: smtp.max_bytes ?? null,
  };
}

const MAPPING_PARTS = ['auth', 'send', 'message_id', 'remembers_key_ms', 'lookup', 'refusals'] as const;

export const readMailApi: ReadEntry<MailApiFile, MailApiService> = (faults, place, name, service) => {
  const { like, from, concurrency, conflict_means_known, rate_per_s = null, max_bytes = null } = service;
  const known = like === undefined ? undefined : MAIL_SERVICES[like];
  const mapping = readMapping(faults, place, service);
  if (name === 'smtp') faults.add('name_taken', place, 'smtp is the mail server; a service needs another name');
  if (service.url === undefined && !known) faults.add('missing', `${place}/url`, 'is missing, and so is like');
  const token = faults.secret(service.token, `${place}/token`);
  const url = faults.url(service.url ?? known?.url ?? 'http://invalid.invalid', `${place}/url`);
  const security = readSecurity(faults, place, service);
  if (token === null) return null;
  const domain = service.domain ?? domainOf(from);
  const limits = { concurrency, rate_per_s, max_bytes };
  return { name, url, token, from, domain, ...limits, conflict_means_known, mapping, security };
};

function readMapping(faults: Faults, place: string, { like, mapping: own = {} }: MailApiFile): MailApiMapping {
  const mapping = { ...(like !== undefined && MAIL_SERVICES[like]?.mapping), ...own } as MailApiMapping;
  for (const part of MAPPING_PARTS) {
    if (mapping[part] === undefined) faults.add('missing', `${place}/mapping/${part}`, 'is missing, and so is like');
  }
  for (const unknown of unknownPlaceholders(own as never)) {
    faults.add('placeholder_unknown', `${place}/mapping`, `{${unknown}} is no placeholder`);
  }
  return mapping;
}

/** By the domain of the address; where nothing is said the only provider of mail, or the mail server. */
export function readMailRoute(
  faults: Faults,
  { via, domains = {} }: MailFile,
  has_smtp: boolean,
  services: Record<string, unknown> = {},
): MailRoute {
  const known = new Set([...(has_smtp ? ['smtp'] : []), ...Object.keys(services)]);
  const check = (provider: string, place: string): void => {
    if (known.has(provider)) return;
    const there_are = known.size === 0 ? 'there is none' : `known: ${[...known].join(', ')}`;
    faults.add('provider_unknown', place, `no such provider of mail; ${there_are}`);
  };
  if (via !== undefined) check(via, '/mail/via');
  const routed = Object.entries(domains).flatMap(([domain, { via: named }]) =>
    named === undefined ? [] : [[domain, named] as const],
  );
  for (const [domain, named] of routed) check(named, `/mail/domains/${pointerPart(domain)}/via`);
  if (via === undefined && !has_smtp && known.size > 1) {
    faults.add('missing', '/mail/via', 'is missing: several services could send mail');
  }
  const providerName = (provider: string) => (provider === 'smtp' ? provider : `mail_api:${provider}`);
  const usual = via ?? (has_smtp ? 'smtp' : [...known][0]);
  return {
    by_domain: new Map(routed.map(([domain, named]) => [domain, providerName(named)])),
    otherwise: usual === undefined ? null : providerName(usual),
  };
}
