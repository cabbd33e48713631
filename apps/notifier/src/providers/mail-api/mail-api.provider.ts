import { createHash } from 'node:crypto';
import { filled, filledPath, filledText, textAt } from '@assay/providers-file';
import type { Lookup, MailApiService, Values } from '@assay/providers-file';
import type { Dispatcher, Pool } from 'undici';
import { renderCompactMail, renderMail } from '../../rendering/index.js';
import type { MailPayload, RenderingInput } from '../../rendering/index.js';
import { classifyHttp, exchange, HttpSilence, outgoingPool, readAway, readJson, refusalOf } from '../http/index.js';
import type { Meant } from '../http/index.js';
import { isMailAddress, mailDomainOf } from '../mail-address.js';
import type { Capabilities, Classification, Destination, Provider, Receipt, SendRequest } from '../provider.js';

export interface MailApiProviderOptions {
  service: MailApiService;
  send_timeout_ms: number;
}

/** Mail through one service's API over HTTP, spoken to as its mapping says (DEL-5). */
export class MailApiProvider implements Provider<MailPayload> {
  readonly channel = 'email';
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly lookup?: Provider['lookup'];
  readonly #service: MailApiService;
  readonly #pool: Pool;
  readonly #destination: Omit<Destination, 'lane'>;

  constructor({ service, send_timeout_ms }: MailApiProviderOptions) {
    const { name, url, concurrency, rate_per_s, mapping } = service;
    const { lookup, remembers_key_ms } = mapping;
    this.name = `mail_api:${name}`;
    this.#service = service;
    const limits = { connections: concurrency, timeout_ms: send_timeout_ms };
    this.#pool = outgoingPool(url.origin, limits, service.security);
    this.capabilities = {
      idempotent: remembers_key_ms !== null,
      idempotent_for_ms: remembers_key_ms ?? undefined,
      lookup: lookup === null ? null : { lag_ms: lookup.lag_ms },
      ambiguous_policy: remembers_key_ms === null ? 'hold' : 'resend',
    };
    if (lookup !== null) this.lookup = (key, _address, signal, id) => this.#find(lookup, key, id, signal);
    this.#destination = {
      name: this.name,
      concurrency,
      rate_per_s,
      max_bytes: service.max_bytes,
      credentialFingerprint: () =>
        createHash('sha256')
          .update(JSON.stringify([url.href, service.token.current().reveal()]))
          .digest('hex'),
    };
  }

  destinationOf(address: string): Destination | null {
    if (!isMailAddress(address)) return null;
    return { ...this.#destination, lane: `${this.name}/${mailDomainOf(address)}` };
  }

  /** Version 1 is the only one so far; a second one stands beside it, never in its place. */
  render(input: RenderingInput, _render_version: number): MailPayload {
    return renderMail(input);
  }

  renderCompact(input: RenderingInput, _render_version: number, max_bytes: number): MailPayload {
    return renderCompactMail(input, max_bytes);
  }

  async send({ key, address, payload, signal }: SendRequest<MailPayload>): Promise<Receipt> {
    const { send, message_id } = this.#service.mapping;
    const { subject, text, html } = payload;
    const thread_id = `${payload.thread_id}@${this.#service.domain}`;
    const values = { ...this.#values(key), thread_id, to: address, subject, text, html };
    const { content_type, body } = encoded(send.encoding, filled(send.body, values));
    const headers = Object.entries(send.headers).map(([name, value]) => [name, filledText(value, values)]);
    const answer = await this.#request(
      { method: 'POST', path: filledPath(send.path, values), body, signal },
      { ...(Object.fromEntries(headers) as Record<string, string>), 'content-type': content_type },
    );
    if (answer.statusCode < 200 || answer.statusCode >= 300) throw await this.#refusal(answer, key, address);
    // The status is the answer: a mail whose id cannot be read was accepted, too.
    if ('header' in message_id) {
      void readAway(answer.body);
      return { notification_id: [answer.headers[message_id.header] ?? []].flat()[0] ?? key };
    }
    return { notification_id: textAt(await readJson(answer.body), message_id.pointer) ?? key };
  }

  classify(error: unknown): Classification {
    return classifyHttp(error);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** What the service has under the key, or under the id that it gave. */
  async #find(
    { by_key, by_id }: { by_key: Lookup; by_id: Lookup | null },
    key: string,
    id: string | null,
    signal: AbortSignal,
  ): Promise<Receipt | null> {
    const known = by_id !== null && id !== null && id !== key;
    const lookup = known ? by_id : by_key;
    const path = filledPath(lookup.path, { ...this.#values(key), notification_id: id ?? '' });
    const answer = await this.#request({ method: 'GET', path, signal }, {});
    if (answer.statusCode === 404 && known) {
      void readAway(answer.body);
      return null;
    }
    if (answer.statusCode !== 200) throw await this.#refusal(answer, key, '');
    const found = await readJson(answer.body);
    // Half an answer must not pass for "no such message": on that word the mail would be sent again.
    if (found === undefined) throw new HttpSilence(true, 'unreadable_answer', { cause: null });
    const notification_id = textAt(found, lookup.id);
    return notification_id === null ? null : { notification_id };
  }

  #request(
    request: Pick<Dispatcher.RequestOptions, 'method' | 'path' | 'body'> & { signal: AbortSignal },
    headers: Record<string, string>,
  ): Promise<Dispatcher.ResponseData> {
    const { url } = this.#service;
    return exchange(this.#pool, {
      ...request,
      path: `${url.pathname.replace(/\/$/, '')}${request.path}`,
      headers: { accept: 'application/json', 'user-agent': 'assay', ...this.#auth(), ...headers },
    });
  }

  #auth(): Record<string, string> {
    const { mapping, token } = this.#service;
    const secret = token.current().reveal();
    switch (mapping.auth.scheme) {
      case 'bearer':
        return { authorization: `Bearer ${secret}` };
      case 'basic':
        return { authorization: `Basic ${Buffer.from(`${mapping.auth.user}:${secret}`).toString('base64')}` };
      case 'header':
        return { [mapping.auth.name]: secret };
    }
  }

  #refusal(answer: Dispatcher.ResponseData, key: string, address: string) {
    const { url, conflict_means_known } = this.#service;
    const meant = (status: number, text: string) => this.#meaning(status, text);
    return refusalOf(answer, { url, key, conflict_means_known, address, meant });
  }

  #meaning(status: number, text: string): Meant | null {
    const { code, codes, statuses } = this.#service.mapping.refusals;
    const said = code === null ? null : textAt(parsed(text), code);
    if (said !== null && Object.hasOwn(codes, said)) {
      return { meaning: codes[said]!, code: `mail_api_${said.toLowerCase().replace(/[^a-z0-9]+/g, '_')}` };
    }
    const meaning = Object.hasOwn(statuses, status) ? statuses[status] : undefined;
    return meaning === undefined ? null : { meaning, code: `http_${status}` };
  }

  #values(key: string): Values {
    const { from, domain } = this.#service;
    const [, name = '', address = from] = /^(.*?)\s*<([^<>]+)>$/.exec(from) ?? [];
    return { key, message_id: `${key}@${domain}`, from, from_name: name, from_address: address, domain };
  }
}

function encoded(encoding: 'json' | 'form', body: unknown): { content_type: string; body: string } {
  if (encoding === 'json') return { content_type: 'application/json', body: JSON.stringify(body) };
  const form = new URLSearchParams(body as Record<string, string>);
  return { content_type: 'application/x-www-form-urlencoded', body: form.toString() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
