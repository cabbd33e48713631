import type { Channel, Failure } from '@assay/contracts';
import type { Payload, RenderingInput } from '../rendering/index.js';

/**
 * What a provider is able to promise (DEL-5). The worker and the reconciler decide by this alone (`nextStep`).
 */
export interface Capabilities {
  /** The receiver takes a second request with the same key for the first. */
  idempotent: boolean;
  /** For so long after it may have taken the first; absent where it never forgets a key. */
  idempotent_for_ms?: number;
  /** The provider can be asked what became of a key; `lag_ms` is how long an accepted send may stay unseen. */
  lookup: { lag_ms: number } | null;
  /** For a row whose outcome cannot be learnt: send again, or hold it for an operator (DEL-4). */
  ambiguous_policy: 'resend' | 'hold';
}

export interface SendRequest<P extends Payload = Payload> {
  /** The delivery's idempotency key ({@link deliveryKey}), the same on every attempt. */
  key: string;
  address: string;
  payload: P;
  correlation_id: string;
  traceparent: string | null;
  /** Aborts when the send time-out is over or the lease is lost; nothing may leave after it has. */
  signal: AbortSignal;
}

export interface Receipt {
  /** The provider's own name for what it accepted; evidence, not a key. */
  notification_id: string;
  /** Absent where it said nothing beside. */
  answer?: ReceiverAnswer;
}

/** What the receiver answered, as evidence (DLQ-3): redacted, and no longer than is told. */
export interface ReceiverAnswer {
  /** HTTP status or SMTP reply code. */
  status: number;
  /** Those that say what to do, by lower-case name; an SMTP reply has none. */
  headers: Record<string, string>;
  /** The body's beginning or the SMTP reply's text, at most 1 KiB of UTF-8 without control characters. */
  text: string;
}

/** What a failed send means for the delivery (DEL-4). */
export interface Classification {
  /**
   * - `not_sent_retryable`, `not_sent_permanent`: this attempt was definitely not accepted. `failure.retryable` agrees.
   * - `ambiguous`: it may have been accepted.
   * - `known`: it was not accepted, because the receiver has this key already; `known` tells what that is worth.
   */
  verdict: 'not_sent_retryable' | 'not_sent_permanent' | 'ambiguous' | 'known';
  /** For `known`, the permanent failure that it is where nothing was sent before. */
  failure: Failure;
  /** Whom it concerns: one recipient, everything behind the destination, or our credential there (DEL-7). */
  concerns: 'recipient' | 'destination' | 'credential';
  /**
   * Present exactly where the verdict is `known`. Only the sender knows whether an EARLIER attempt left its intent open:
   * - none: the key is taken by something else, so it is `not_sent_permanent`;
   * - one is, and `believed`: that attempt was accepted, and the delivery is `sent`;
   * - one is, and not `believed`: nothing has been learnt about it, so it stays `ambiguous`, under the provider's policy.
   */
  known?: { believed: boolean };
  /** The fault of a destination that cannot mend itself, such as a certificate: it is told at once (DEL-8). */
  stays?: boolean;
  /** This form was refused for its size alone: a shorter one may be taken (DEL-7). */
  too_large?: boolean;
  /**
   * One recipient's for now; but where three differ in `counted_by`, with no success between them, it is the
   * destination's or the credential's (DEL-7). `counted_by` is opaque: a delivery's key, so that each row counts once,
   * or the domain of a mail address.
   */
  suspected?: { of: 'destination' | 'credential'; counted_by: string };
  /** Absent where the receiver said nothing. */
  answer?: ReceiverAnswer;
}

/** Where a recipient's messages go: what circuits and limits are kept by (DEL-9). */
export interface Destination {
  /** Stable and safe to show, e.g. `smtp` or `webhook:release-bot`. Never an address of a person. */
  name: string;
  /**
   * What the queue claims its rows with (WQ-9): the name, or the name, `/` and a part of the destination that takes turns
   * with the others, such as a domain. The name itself has no `/`.
   */
  lane: string;
  /** Sends under way at once, per replica. */
  concurrency: number;
  /** Sends that may begin in a second, per replica; null where there is no limit. */
  rate_per_s: number | null;
  /** What is longer goes out in its compact form, and so does what is refused for its size; null: there is none. */
  max_bytes?: number | null;
  /** Changes with the credential in use; kept in the database only, never shown (DEL-7). */
  credentialFingerprint(): string;
}

/**
 * One way to tell somebody (DEL-5). To add one: a folder that implements this, one line in `provider-registry.ts`, and
 * a spec that runs `providerConformance` over it.
 */
export interface Provider<P extends Payload = Payload> {
  /** Unique in the installation: what a row that may have been sent is asked about by. */
  readonly name: string;
  readonly channel: Channel;
  readonly capabilities: Capabilities;
  /** Null when this installation knows no such recipient: an unknown endpoint, an address that is none (DEL-6). */
  destinationOf(address: string): Destination | null;
  /** Pure: no clock, no randomness, no configuration. */
  render(input: RenderingInput, render_version: number): P;
  /** Counts, the worst findings that fit, and links; as pure. Absent where there is no shorter form. */
  renderCompact?(input: RenderingInput, render_version: number, max_bytes: number): P;
  /** Resolves once the provider has accepted. Rejects with what {@link classify} understands. */
  send(request: SendRequest<P>): Promise<Receipt>;
  /**
   * What became of a key; null when the provider has not seen it. Present exactly when `capabilities.lookup` is.
   *
   * @param notification_id the provider's own name for it, where a receipt was read before
   */
  lookup?(key: string, address: string, signal: AbortSignal, notification_id: string | null): Promise<Receipt | null>;
  /** Decides by codes and phases, never by message text (GEN-7). Never throws. */
  classify(error: unknown): Classification;
  /** Ends idle connections; sends under way are left to their signal. */
  close(): Promise<void>;
}
