import { Failure } from '@assay/contracts';
import { renderWebhook } from '../../rendering/index.js';
import type { RenderingInput, WebhookPayload } from '../../rendering/index.js';
import type { Capabilities, Classification, Destination, Provider, Receipt, SendRequest } from '../provider.js';

/** The far side: what it has accepted, by key. It is not idempotent, and it can be asked. */
export class Ledger {
  readonly accepted: string[] = [];
  readonly asked: string[] = [];
  /** Takes the message and says nothing, or is cut off before it has it. */
  behaviour: 'accept' | 'accept_in_silence' | 'lose' = 'accept';
  /** To the next question instead of an answer. */
  refusal: Failure | null = null;
}

/** A provider with a lookup, as an HTTP mail API has one. */
export class LedgerProvider implements Provider<WebhookPayload> {
  readonly name = 'ledger';
  readonly channel = 'webhook';
  readonly capabilities: Capabilities = { idempotent: false, lookup: { lag_ms: 50 }, ambiguous_policy: 'hold' };
  readonly #destination: Destination = {
    name: 'ledger',
    lane: 'ledger',
    concurrency: 4,
    rate_per_s: null,
    credentialFingerprint: () => 'none',
  };

  constructor(private readonly ledger: Ledger) {}

  destinationOf(): Destination {
    return this.#destination;
  }

  render(input: RenderingInput): WebhookPayload {
    return renderWebhook(input);
  }

  send({ key }: SendRequest<WebhookPayload>): Promise<Receipt> {
    const { behaviour, accepted } = this.ledger;
    if (behaviour !== 'lose') accepted.push(key);
    return behaviour === 'accept' ? Promise.resolve({ notification_id: key }) : Promise.reject(new Error('cut off'));
  }

  lookup(key: string): Promise<Receipt | null> {
    this.ledger.asked.push(key);
    const { refusal } = this.ledger;
    this.ledger.refusal = null;
    if (refusal !== null) return Promise.reject(refusal);
    return Promise.resolve(this.ledger.accepted.includes(key) ? { notification_id: `found ${key}` } : null);
  }

  classify(error: unknown): Classification {
    if (error instanceof Failure) return { verdict: 'not_sent_retryable', failure: error, concerns: 'destination' };
    const failure = new Failure({
      error_class: 'OUTCOME_UNKNOWN',
      code: 'cut_off',
      retryable: false,
      message: 'cut off',
      cause: error,
    });
    return { verdict: 'ambiguous', failure, concerns: 'destination' };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
