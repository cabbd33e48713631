import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aValidatedReview } from '../../rendering/example-input.fixture.js';
import { RENDER_VERSION, renderingInput } from '../../rendering/index.js';
import type { Payload } from '../../rendering/index.js';
import type { Classification, Provider, Receipt } from '../provider.js';
import { selfSigned } from '@assay/testing';
import type { Certificate } from '@assay/testing';

export type ProviderBehaviour =
  | 'accept'
  | 'refuse_recipient'
  /** As `refuse_recipient`, with 5 KB that repeat the address and hold {@link PLANTED}. */
  | 'refuse_at_length'
  /** A refusal that every message would meet. */
  | 'refuse_everybody'
  /** A refusal that is this message's, unless many meet it. */
  | 'refuse_by_policy'
  | 'refuse_for_size'
  | 'busy'
  | 'refuse_credential'
  | 'cut_after_accepting'
  | 'silent_after_accepting'
  /** Takes the message and says yes, and then a byte now and again, without end. */
  | 'slow_answer'
  /** The same, with as much as the provider reads. */
  | 'huge_answer'
  /** Takes the message and ends its half of the connection without an answer. */
  | 'half_closed'
  /** Asks for another handshake before it says yes; over TLS alone. */
  | 'renegotiate';

/** A secret that a receiver gives away. */
export const PLANTED = 'tangerine';

/** A provider with the other side under the test's control. */
export interface ProviderHarness {
  provider: Provider;
  /** The same provider, with nobody listening at its destination. */
  unreachable: Provider;
  /** The same provider, with a destination whose certificate nobody has signed. */
  untrusted: Provider;
  address: string;
  unknown_address: string;
  behave(behaviour: ProviderBehaviour): void;
  /** What the other side has taken in whole, in order: the key it can tell by, and the bytes that people read. */
  accepted(): { key: string; bytes: string }[];
  close(): Promise<void>;
}

/** Where the other side is to be. */
export interface Place {
  /** The address that it listens on; usually that of IPv4's loopback. */
  host?: string;
  /** Over TLS with this certificate, which the provider trusts. */
  certificate?: Certificate;
}

export interface ConformanceOptions {
  name: string;
  /** The clause of the specification that this provider proves, e.g. `DEL-5.a`. */
  clause: string;
  start(place?: Place): Promise<ProviderHarness>;
  /** False where the provider can be told of no certificate to trust; there it is node's to stand a renegotiation. */
  trusts_what_it_is_told?: boolean;
}

/** One provider under test; `harness` is new for each test. */
interface Run {
  readonly clause: string;
  readonly harness: ProviderHarness;
  /** The other side somewhere else; ends with the test. */
  move(place: Place): Promise<void>;
  send(provider?: Provider, signal?: AbortSignal): Promise<Receipt>;
  failure(provider?: Provider, signal?: AbortSignal): Promise<Classification>;
}

const KEY = 'ab'.repeat(32);

/** What every provider must hold (DEL-5). A new one is done when this passes. */
export function providerConformance(options: ConformanceOptions): void {
  const { name, clause, start, trusts_what_it_is_told = true } = options;
  let harness: ProviderHarness;
  const send: Run['send'] = (provider = harness.provider, signal = AbortSignal.timeout(5_000)) => {
    const input = renderingInput(aValidatedReview(), {
      job: 'https://assay.example/job',
      findings: 'https://assay.example/findings',
    });
    const payload: Payload = provider.render(input, RENDER_VERSION);
    const { address } = harness;
    return provider.send({ key: KEY, address, payload, correlation_id: 'c', traceparent: null, signal });
  };
  const failure: Run['failure'] = async (provider, signal) => {
    const error: unknown = await send(provider, signal).then(
      () => new Error('was accepted'),
      (thrown: unknown) => thrown,
    );
    return harness.provider.classify(error);
  };
  const run: Run = {
    clause,
    get harness() {
      return harness;
    },
    move: async (place) => {
      await harness.close();
      harness = await start(place);
    },
    send,
    failure,
  };

  describe(`${name}, by the conformance suite of providers`, () => {
    beforeEach(async () => {
      harness = await start();
    });
    afterEach(() => harness.close());

    accepts(run);
    knowsThatNothingWasSent(run);
    tellsWhoseFaultItIs(run);
    knowsThatItCannotKnow(run);
    standsOddReceivers(run, trusts_what_it_is_told);
    describesItself(run);
  });
}

function accepts(run: Run): void {
  it(`${run.clause} gives a receipt for what was accepted, under the delivery's key`, async () => {
    const receipt = await run.send();
    expect(receipt.notification_id).not.toBe('');
    expect(run.harness.accepted().map(({ key }) => key)).toEqual([KEY]);
  });

  it(`${run.clause} sends the same bytes on every attempt under one key`, async () => {
    await run.send();
    await run.send();
    const [first, second] = run.harness.accepted();
    expect(second).toEqual(first);
  });

  it(`${run.clause} works again after each kind of failure`, async () => {
    const kinds = ['busy', 'refuse_recipient', 'refuse_everybody', 'refuse_by_policy', 'cut_after_accepting'] as const;
    for (const behaviour of kinds) {
      run.harness.behave(behaviour);
      await run.failure();
      run.harness.behave('accept');
      await run.send();
    }
    expect(run.harness.accepted()).toHaveLength(kinds.length + 1);
  });
}

function knowsThatNothingWasSent(run: Run): void {
  it(`${run.clause} DEL-4.a says not sent, retryable, when nobody listens`, async () => {
    const { verdict, failure: cause, concerns } = await run.failure(run.harness.unreachable);
    expect([verdict, cause.retryable, concerns]).toEqual(['not_sent_retryable', true, 'destination']);
  });

  it(`${run.clause} DEL-4.a says not sent, retryable, when the destination is overloaded`, async () => {
    run.harness.behave('busy');
    expect((await run.failure()).verdict).toBe('not_sent_retryable');
    expect(run.harness.accepted()).toEqual([]);
  });

  it(`${run.clause} DEL-4.a says not sent, permanent, when the recipient is refused`, async () => {
    run.harness.behave('refuse_recipient');
    const { verdict, failure: cause, concerns } = await run.failure();
    expect([verdict, cause.retryable, concerns]).toEqual(['not_sent_permanent', false, 'recipient']);
    expect(cause.error_class).toBe('RECIPIENT_INVALID');
  });

  it(`${run.clause} sends nothing once the signal has aborted`, async () => {
    expect((await run.failure(undefined, AbortSignal.abort())).verdict).toBe('not_sent_retryable');
    expect(run.harness.accepted()).toEqual([]);
  });
}

function tellsWhoseFaultItIs(run: Run): void {
  it(`${run.clause} blames the credential, not the row, when it is refused`, async () => {
    run.harness.behave('refuse_credential');
    const { verdict, failure: cause, concerns } = await run.failure();
    expect([verdict, concerns]).toEqual(['not_sent_retryable', 'credential']);
    expect(cause.error_class).toBe('AUTHENTICATION_FAILED');
  });

  it(`${run.clause} blames the destination, at once, for a refusal that every message would meet`, async () => {
    run.harness.behave('refuse_everybody');
    const { verdict, failure: cause, concerns, stays } = await run.failure();
    expect([verdict, cause.retryable, concerns, stays]).toEqual(['not_sent_retryable', true, 'destination', true]);
  });

  it(`${run.clause} DEL-7.f blames the destination, at once, for a certificate that nobody has signed`, async () => {
    const { verdict, failure: cause, concerns, stays } = await run.failure(run.harness.untrusted);
    expect([verdict, concerns, stays]).toEqual(['not_sent_retryable', 'destination', true]);
    expect(cause.code).toBe('certificate_untrusted');
  });

  it(`${run.clause} says what a refusal is suspected to be, and counts it the same each time`, async () => {
    run.harness.behave('refuse_by_policy');
    const [first, second] = [await run.failure(), await run.failure()];
    expect([first.concerns, first.suspected?.counted_by]).toEqual(['recipient', expect.stringMatching(/./)]);
    expect(second.suspected).toEqual(first.suspected);
  });

  it(`${run.clause} takes a refusal for the size for the message's own, for good`, async () => {
    run.harness.behave('refuse_for_size');
    const { verdict, failure: cause, concerns, too_large = false } = await run.failure();
    expect([verdict, concerns, cause.error_class]).toEqual(['not_sent_permanent', 'recipient', 'POLICY_REJECTED']);
    // Where there is a shorter form, it is told that it may help.
    if (run.harness.provider.renderCompact) expect(too_large).toBe(true);
  });

  it(`${run.clause} DLQ-3.d keeps what the receiver answered, redacted and cut to 1 KiB`, async () => {
    run.harness.behave('refuse_at_length');
    const { answer, failure: cause } = await run.failure();
    expect(answer!.status).toBe(cause.upstream_status);
    expect(answer!.text.length).toBeGreaterThan(900);
    expect(Buffer.byteLength(answer!.text)).toBeLessThanOrEqual(1_024);
    for (const hidden of [PLANTED, 'dev@example.org']) expect(answer!.text).not.toContain(hidden);
    expect((await run.failure(run.harness.unreachable)).answer).toBeUndefined();
  });
}

function knowsThatItCannotKnow(run: Run): void {
  it(`${run.clause} DEL-4.a says ambiguous when the connection is cut after the message was taken`, async () => {
    run.harness.behave('cut_after_accepting');
    const { verdict, failure: cause } = await run.failure();
    expect([verdict, cause.error_class]).toEqual(['ambiguous', 'OUTCOME_UNKNOWN']);
    expect(run.harness.accepted()).toHaveLength(1);
  });

  it(`${run.clause} DEL-4.a says ambiguous when no answer comes before the signal`, async () => {
    run.harness.behave('silent_after_accepting');
    expect((await run.failure(undefined, AbortSignal.timeout(300))).verdict).toBe('ambiguous');
    expect(run.harness.accepted()).toHaveLength(1);
  });
}

function standsOddReceivers(run: Run, trusts_what_it_is_told: boolean): void {
  for (const behaviour of ['slow_answer', 'huge_answer'] as const) {
    it(`${run.clause} never takes an accepted message for not sent, and has time for the next: ${behaviour}`, async () => {
      run.harness.behave(behaviour);
      const verdict = await run.send(undefined, AbortSignal.timeout(2_500)).then(
        () => 'accepted',
        (error: unknown) => run.harness.provider.classify(error).verdict,
      );
      expect(['accepted', 'ambiguous']).toContain(verdict);
      run.harness.behave('accept');
      await run.send();
      expect(run.harness.accepted()).toHaveLength(2);
    });
  }

  it(`${run.clause} DEL-4.a says ambiguous when the receiver ends its half of the connection without an answer`, async () => {
    run.harness.behave('half_closed');
    expect((await run.failure()).verdict).toBe('ambiguous');
    run.harness.behave('accept');
    await run.send();
    expect(run.harness.accepted()).toHaveLength(2);
  });

  it(`${run.clause} tells a receiver that listens on an IPv6 address alone`, async () => {
    await run.move({ host: '::1' });
    await run.send();
    expect(run.harness.accepted()).toHaveLength(1);
  });

  if (!trusts_what_it_is_told) return;
  it(`${run.clause} goes on where the server asks for another handshake amid a message`, async () => {
    await run.move({ certificate: { ...selfSigned(), maxVersion: 'TLSv1.2' } });
    run.harness.behave('renegotiate');
    await run.send();
    run.harness.behave('accept');
    await run.send();
    expect(run.harness.accepted()).toHaveLength(2);
  });
}

function describesItself(run: Run): void {
  it(`${run.clause} has capabilities that agree with each other`, () => {
    const { capabilities, lookup } = run.harness.provider;
    expect(capabilities.lookup !== null).toBe(lookup !== undefined);
    if (capabilities.ambiguous_policy === 'resend') expect(capabilities.idempotent).toBe(true);
  });

  it(`${run.clause} knows its recipients and names their destination without their address`, () => {
    const { provider, address, unknown_address } = run.harness;
    expect(provider.destinationOf(unknown_address)).toBeNull();
    const destination = provider.destinationOf(address)!;
    expect(destination.concurrency).toBeGreaterThan(0);
    expect(destination.credentialFingerprint()).toMatch(/^[0-9a-f]{64}$/);
    expect(destination.lane.split('/')[0]).toBe(destination.name);
    for (const shown of [destination.name, destination.lane]) {
      if (provider.channel === 'email') expect(shown).not.toContain(address);
    }
  });

  it(`${run.clause} classifies whatever is thrown without throwing`, () => {
    for (const thrown of [null, undefined, 'text', 7, {}, new TypeError('bug'), new Error('x')]) {
      expect(run.harness.provider.classify(thrown).failure.error_class).toBe('PROGRAMMING_ERROR');
    }
  });
}
