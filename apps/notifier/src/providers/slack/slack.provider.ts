import { createHash } from 'node:crypto';
import type { SlackHook } from '@assay/providers-file';
import type { Pool } from 'undici';
import { renderSlack } from '../../rendering/index.js';
import type { RenderingInput, SlackPayload } from '../../rendering/index.js';
import { classifyHttp, exchange, outgoingPool, readAway, refusalOf } from '../http/index.js';
import type { Capabilities, Classification, Destination, Provider, Receipt, SendRequest } from '../provider.js';
import { slackMeaning } from './slack-codes.js';

export interface SlackProviderOptions {
  hooks: readonly SlackHook[];
  send_timeout_ms: number;
}

interface Target {
  hook: SlackHook;
  destination: Destination;
  /** By origin: a hook's URL may change while the process runs. */
  pools: Map<string, Pool>;
}

/**
 * Slack-compatible incoming webhooks (DEL-5). They know no idempotency key and cannot be asked, so what may have been
 * posted is held for an operator (DEL-4).
 */
export class SlackProvider implements Provider<SlackPayload> {
  readonly name = 'slack';
  readonly channel = 'slack';
  readonly capabilities: Capabilities = { idempotent: false, lookup: null, ambiguous_policy: 'hold' };
  readonly #targets: ReadonlyMap<string, Target>;

  constructor(private readonly options: SlackProviderOptions) {
    this.#targets = new Map(options.hooks.map((hook) => [hook.name, target(hook)]));
  }

  destinationOf(address: string): Destination | null {
    return this.#targets.get(address)?.destination ?? null;
  }

  /** Version 1 is the only one so far; a second one stands beside it, never in its place. */
  render(input: RenderingInput, _render_version: number): SlackPayload {
    return renderSlack(input);
  }

  async send({ key, address, payload, signal }: SendRequest<SlackPayload>): Promise<Receipt> {
    const to = this.#targets.get(address)!;
    const url = new URL(to.hook.url.current().reveal());
    const answer = await exchange(this.#pool(to, url.origin), {
      method: 'POST',
      path: url.pathname + url.search,
      headers: { 'content-type': 'application/json', 'user-agent': 'assay' },
      body: payload.body,
      signal,
    });
    if (answer.statusCode < 200 || answer.statusCode >= 300)
      throw await refusalOf(answer, { url, key, meant: slackMeaning });
    void readAway(answer.body);
    return { notification_id: key };
  }

  classify(error: unknown): Classification {
    return classifyHttp(error);
  }

  async close(): Promise<void> {
    const pools = [...this.#targets.values()].flatMap((each) => [...each.pools.values()]);
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  #pool({ hook, pools }: Target, origin: string): Pool {
    const known = pools.get(origin);
    if (known) return known;
    const limits = { connections: hook.concurrency, timeout_ms: this.options.send_timeout_ms };
    const made = outgoingPool(origin, limits, hook.security);
    pools.set(origin, made);
    return made;
  }
}

function target(hook: SlackHook): Target {
  const { concurrency, rate_per_s } = hook;
  const name = `slack:${hook.name}`;
  const destination: Destination = {
    name,
    lane: name,
    concurrency,
    rate_per_s,
    credentialFingerprint: () => createHash('sha256').update(hook.url.current().reveal()).digest('hex'),
  };
  return { hook, destination, pools: new Map() };
}
