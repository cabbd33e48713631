import { Failure } from '@assay/contracts';
import type { ErrorClass } from '@assay/contracts';
import { Ledger, LedgerProvider } from '../providers/conformance/ledger.provider.fixture.js';
import type { Capabilities, Classification, Destination, Receipt, SendRequest } from '../providers/provider.js';

/** What a provider says of a failed send. */
export class Refusal extends Error {
  constructor(readonly classification: Classification) {
    super(classification.failure.message);
  }
}

export function aFailure(code: string, retryable = true, error_class: ErrorClass = 'DEPENDENCY_UNAVAILABLE'): Failure {
  return new Failure({ error_class, code, retryable, message: `the endpoint said ${code}` });
}

/** A webhook provider whose endpoints answer as the test says, by address and key; it accepts where that says null. */
export class ClassifiedProvider extends LedgerProvider {
  override readonly capabilities: Capabilities = { idempotent: true, lookup: null, ambiguous_policy: 'resend' };
  readonly sent: { address: string; key: string }[] = [];
  fingerprint = 'fingerprint';
  answer: (address: string, key: string) => Classification | null = () => null;
  readonly #destinations = new Map<string, Destination>();

  constructor() {
    super(new Ledger());
  }

  override destinationOf(address?: string): Destination {
    const name = `webhook:${address}`;
    const known = this.#destinations.get(name);
    const limits = { concurrency: 4, rate_per_s: null };
    const made = known ?? { name, lane: name, ...limits, credentialFingerprint: () => this.fingerprint };
    this.#destinations.set(name, made);
    return made;
  }

  override send({ address, key }: SendRequest<never>): Promise<Receipt> {
    this.sent.push({ address, key });
    const refused = this.answer(address, key);
    return refused ? Promise.reject(new Refusal(refused)) : Promise.resolve({ notification_id: key });
  }

  override classify(error: unknown): Classification {
    return error instanceof Refusal ? error.classification : super.classify(error);
  }
}
