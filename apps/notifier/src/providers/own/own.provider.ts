import { createHash } from 'node:crypto';
import { ERROR_CLASSES, Failure } from '@assay/contracts';
import type { Channel } from '@assay/contracts';
import type { OwnProvider } from '@assay/provider';
import type { LoadedProvider } from '@assay/providers-file';
import type { Payload, RenderingInput } from '../../rendering/index.js';
import { evidence } from '../evidence.js';
import type { Capabilities, Classification, Destination, Provider, Receipt, SendRequest } from '../provider.js';

interface OwnPayload extends Payload {
  body: Uint8Array;
}

const VERDICTS = ['not_sent_retryable', 'not_sent_permanent', 'ambiguous'];
const CONCERNS = ['recipient', 'destination', 'credential'];
const CODE = /^[a-z][a-z0-9_]{0,99}$/;

/** A provider from outside, behind the same interface as ours: what it says is checked before it is believed. */
export class ForeignProvider implements Provider<OwnPayload> {
  readonly channel: Channel;
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly lookup?: Provider['lookup'];
  private readonly own: OwnProvider;

  constructor(private readonly loaded: LoadedProvider) {
    const { channel, provider: own } = loaded;
    this.own = own;
    this.channel = channel;
    this.name = channel;
    this.capabilities = own.capabilities;
    if (own.lookup) this.lookup = (...args) => own.lookup!(...args);
  }

  destinationOf(address: string): Destination | null {
    const destination = this.own.destinationOf(address);
    if (destination === null) return null;
    const { name, concurrency, rate_per_s } = destination;
    return {
      ...{ name, concurrency, rate_per_s },
      // What follows a `/` would be a part that takes turns.
      lane: name.replaceAll('/', '%2F'),
      credentialFingerprint: () => destination.credentialFingerprint(),
    };
  }

  render(input: RenderingInput, render_version: number): OwnPayload {
    const body = Buffer.from(this.own.render(input, render_version) as Uint8Array);
    return { body, bytes: body.length, hash: createHash('sha256').update(body).digest('hex') };
  }

  async send({ payload, ...request }: SendRequest<OwnPayload>): Promise<Receipt> {
    if (request.signal.aborted) throw new NothingSent();
    const { notification_id } = await this.own.send({ ...request, body: payload.body });
    // It was accepted, whatever the receipt is worth.
    return { notification_id: typeof notification_id === 'string' && notification_id ? notification_id : request.key };
  }

  classify(error: unknown): Classification {
    if (error instanceof NothingSent) return said(error, 'not_sent_retryable', 'DEPENDENCY_TIMEOUT', 'aborted');
    try {
      return this.#checked(error);
    } catch (fault) {
      // What cannot be judged may have been sent.
      const failure = new Failure({
        error_class: 'PROGRAMMING_ERROR',
        code: 'not_classified',
        retryable: false,
        message: `${this.name} did not say what a failure means`,
        cause: fault,
      });
      return { verdict: 'ambiguous', failure, concerns: 'destination' };
    }
  }

  async close(): Promise<void> {
    await this.loaded.close();
  }

  #checked(error: unknown): Classification {
    const { verdict, concerns, answer, stays, suspected, ...failure } = this.own.classify(error);
    const known =
      VERDICTS.includes(verdict) && CONCERNS.includes(concerns) && ERROR_CLASSES.includes(failure.error_class);
    if (!known || !CODE.test(failure.code)) {
      throw new TypeError('classify() answered with a verdict, a concern, a class or a code that there is not');
    }
    const { error_class, code, retry_after_ms } = failure;
    const retryable = verdict === 'not_sent_retryable';
    const upstream_status = answer?.status;
    return {
      verdict,
      concerns,
      stays,
      suspected,
      failure: new Failure({
        ...{ error_class, code, retryable, retry_after_ms, upstream_status },
        message: evidence(String(failure.message)),
        cause: error,
      }),
      ...(answer && { answer: { status: answer.status, headers: told(answer.headers), text: evidence(answer.text) } }),
    };
  }
}

class NothingSent extends Error {}

function said(
  error: Error,
  verdict: Classification['verdict'],
  error_class: 'DEPENDENCY_TIMEOUT',
  code: string,
): Classification {
  const failure = new Failure({ error_class, code, retryable: true, message: 'nothing was sent', cause: error });
  return { verdict, failure, concerns: 'destination' };
}

function told(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, evidence(value).slice(0, 256)]));
}
