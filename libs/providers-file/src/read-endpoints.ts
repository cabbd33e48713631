import { existsSync } from 'node:fs';
import type { Channel } from '@assay/contracts';
import { isForbiddenAddress } from '@assay/security';
import { hostOf } from './faults.js';
import type { Faults } from './faults.js';
import type { OwnFile, SlackFile, WebhookFile } from './file-shape.js';
import type { OwnProviderSettings } from './own.settings.js';
import { readSecurity } from './read-entries.js';
import type { ReadEntry } from './read-entries.js';
import { signingKey } from './signing-key.js';
import type { SlackHook } from './slack.settings.js';
import type { WebhookEndpoint } from './webhook.settings.js';

export const readWebhook: ReadEntry<WebhookFile, WebhookEndpoint> = (faults, place, name, endpoint) => ({
  ...readHeaders(faults, place, endpoint),
  concurrency: endpoint.concurrency,
  conflict_means_known: endpoint.conflict_means_known,
  security: readSecurity(faults, place, endpoint),
  name,
  url: faults.url(endpoint.url, `${place}/url`),
  secrets: endpoint.secrets.flatMap((each, n) => faults.secret(each, `${place}/secrets/${n}`, signingKey) ?? []),
  rate_per_s: endpoint.rate_per_s ?? null,
  max_bytes: endpoint.max_bytes ?? null,
});

/** Set by the provider for each request. */
const OWN_HEADERS =
  /^(webhook-.*|content-.*|host|connection|transfer-encoding|user-agent|x-correlation-id|traceparent)$/;

function readHeaders(faults: Faults, place: string, { headers = {}, secret_headers = {}, bearer }: WebhookFile) {
  for (const [member, names] of Object.entries({ headers, secret_headers })) {
    for (const name of Object.keys(names)) {
      if (OWN_HEADERS.test(name)) faults.add('header_reserved', `${place}/${member}/${name}`, 'is set by the notifier');
    }
  }
  const secrets = Object.entries(secret_headers).flatMap(([name, reference]) => {
    const secret = faults.secret(reference, `${place}/secret_headers/${name}`, headerValue);
    return secret ? [[name, secret] as const] : [];
  });
  return {
    headers,
    secret_headers: Object.fromEntries(secrets),
    bearer: bearer === undefined ? null : faults.secret(bearer, `${place}/bearer`, headerValue),
  };
}

/** Throws without repeating it. */
function headerValue(text: string): void {
  if (!/^[\x20-\x7e]+$/.test(text)) throw new Error('must be printable ASCII on one line');
}

export const readSlackHook: ReadEntry<SlackFile, SlackHook> = (faults, place, name, hook) => {
  const url = faults.secret(hook.url, `${place}/url`, hookUrl);
  const { concurrency, rate_per_s } = hook;
  const security = readSecurity(faults, place, hook);
  return url === null ? null : { name, url, concurrency, rate_per_s, security };
};

/** Throws without repeating it. */
function hookUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || isForbiddenAddress(hostOf(url))) {
    throw new Error('must be an http or https URL, and of no link-local or metadata address');
  }
}

export const readOwn: ReadEntry<OwnFile, OwnProviderSettings> = (faults, place, name, entry) => {
  const { module, settings = {} } = entry;
  if (!existsSync(module)) faults.add('module_missing', `${place}/module`, `there is no file ${module}`);
  return { channel: name as Channel, module, settings };
};
