import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aValidatedReview } from '../../rendering/example-input.fixture.js';
import { RENDER_VERSION, renderingInput } from '../../rendering/index.js';
import type { Payload } from '../../rendering/index.js';
import type { Classification, Provider, Receipt } from '../provider.js';

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
  | 'silent_after_accepting';

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

export interface ConformanceOptions {
  name: string;
  /** The clause of the specification that this provider proves, e.g. `DEL-5.a`. */
  clause: string;
  start(): Promise<ProviderHarness>;
}

/** One provider under test; `harness` is new for each test. */
interface Run {
  readonly clause: string;
  readonly harness: ProviderHarness;
  send(provider?: Provider, signal?: AbortSignal): Promise<Receipt>;
  failure(provider?: Provider, signal?: AbortSignal): Promise<Classification>;
}

const KEY = 'ab'.repeat(32);

/** What every provider must hold (DEL-5). A new one is done when this passes. */
export function providerConformance({ name, clause, start }: ConformanceOptions): void {
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
