/**
 * What a provider of your own implements (DEL-5; docs/providers.md). Types alone: a module imports them with
 * `import type`, and needs nothing of Assay when it runs. Members are only added within a version.
 */

/** The default export of the module that the providers file names. */
export interface ProviderModule {
  /**
   * Called when the notifier starts, and again when the providers file has changed: what was made before is closed once
   * nothing is under way with it. What it throws stops the start, or leaves the old file in force, under the entry's name.
   *
   * @param settings the entry's `settings`, as they stand in the file
   */
  create(settings: unknown, tools: ProviderTools): OwnProvider | Promise<OwnProvider>;
}

export interface ProviderTools {
  /** How long one send may take; its signal aborts then. */
  readonly send_timeout_ms: number;
  /**
   * Resolves `env:NAME`, `file:/path`, or `vault:mount/path#key` that stands in the entry's settings; throws where there is
   * none. Ask for `current()` at each use: it may change.
   */
  secret(reference: string): { current(): string };
}

/** One way to tell somebody. */
export interface OwnProvider {
  readonly capabilities: Capabilities;
  /** Null where the settings know no such recipient. Pure, and quick: it is asked often. */
  destinationOf(address: string): Destination | null;
  /** What is sent, as bytes. Pure: no clock, no randomness, no settings, so that every attempt sends the same. */
  render(review: Review, render_version: number): string | Uint8Array;
  /** Resolves once it has been accepted. Rejects with what {@link OwnProvider.classify} understands. */
  send(request: SendRequest): Promise<Receipt>;
  /** What became of a key; null where nothing is known of it. Present exactly where `capabilities.lookup` is. */
  lookup?(key: string, address: string, signal: AbortSignal, notification_id: string | null): Promise<Receipt | null>;
  /** What a failed send, or lookup, means. By codes and phases, never by the text of a message. */
  classify(error: unknown): Classification;
  close?(): Promise<void>;
}

/** What may be promised; the notifier decides by this alone what becomes of a message that may have been sent. */
export interface Capabilities {
  /** The receiver takes a second request with the same key for the first. */
  idempotent: boolean;
  /** For so long; absent where it never forgets a key. */
  idempotent_for_ms?: number;
  /** It can be asked what became of a key; `lag_ms` is how long an accepted message may stay unseen. */
  lookup: { lag_ms: number } | null;
  /** For what can neither be asked for nor is certain: `resend` where a second message is taken for the first. */
  ambiguous_policy: 'resend' | 'hold';
}

/** Where a recipient's messages go: circuits and limits are kept by it. */
export interface Destination {
  /** Stable and safe to show, e.g. `x-matrix:reviews`. Never an address of a person. */
  name: string;
  /** Sends under way at once, per replica. */
  concurrency: number;
  /** Sends that may begin in a second, per replica; null: no limit. */
  rate_per_s: number | null;
  /** A digest that changes with the credential in use: after a refused one, a new one is tried at once. */
  credentialFingerprint(): string;
}

export interface SendRequest {
  /** The delivery's key: 64 hex digits, the same on every attempt. */
  key: string;
  address: string;
  /** What {@link OwnProvider.render} made. */
  body: Uint8Array;
  correlation_id: string;
  /** W3C trace context; null where there is none. */
  traceparent: string | null;
  /** Aborts when the time-out is over or the lease is lost; nothing may leave after it has. */
  signal: AbortSignal;
}

export interface Receipt {
  /** The receiver's own name for what it accepted. */
  notification_id: string;
}

export interface Classification {
  /**
   * - `not_sent_retryable`, `not_sent_permanent`: this attempt was definitely not accepted;
   * - `ambiguous`: it may have been. Whatever fails after the first byte, short of a definite answer, is.
   */
  verdict: 'not_sent_retryable' | 'not_sent_permanent' | 'ambiguous';
  /** Whom it concerns: one recipient, all behind the destination, or our credential there. */
  concerns: 'recipient' | 'destination' | 'credential';
  error_class:
    | 'RECIPIENT_INVALID'
    | 'POLICY_REJECTED'
    | 'OUTCOME_UNKNOWN'
    | 'AUTHENTICATION_FAILED'
    | 'DEPENDENCY_UNAVAILABLE'
    | 'DEPENDENCY_TIMEOUT'
    | 'CONFLICT'
    | 'PROGRAMMING_ERROR';
  /** Stable, lower snake case, e.g. `matrix_m_forbidden`. */
  code: string;
  /** For people only, without secrets and addresses. */
  message: string;
  /** What the receiver asked us to wait. */
  retry_after_ms?: number;
  /** A fault of the destination that does not mend itself: it is told at once. */
  stays?: boolean;
  /**
   * One recipient's for now; where three differ in `counted_by`, with no success between them, it is the destination's or
   * the credential's.
   */
  suspected?: { of: 'destination' | 'credential'; counted_by: string };
  /** What the receiver said; it is redacted and cut before anybody sees it. */
  answer?: { status: number; headers?: Record<string, string>; text: string };
}

/** What there is to tell. */
export interface Review {
  job_id: string;
  source: string;
  changelist_id: string;
  review_version: number;
  generation: number;
  /** RFC 3339; the message's date. */
  occurred_at: string;
  summary: string | null;
  /** Worst first, then by file and line. */
  findings: readonly Finding[];
  counts: { submitted: number; kept: number; dropped: number; coerced: number; by_code: Record<string, number> };
  /** The review is not whole: the answer was cut off. */
  truncated: boolean;
  /** Ids of findings that are about their whole file. */
  lines_defaulted: readonly string[];
  /** Findings that the rules of the providers file left out (`min_severity` and the like); say how many. */
  withheld: number;
  schema_version: string | null;
  prompt_version: string | null;
  links: { job: string; findings: string };
}

/** All text of it comes from outside: escape it for where it goes. */
export interface Finding {
  id: string;
  /** `critical`, `high`, `medium`, `low`, `info`, or one of tomorrow. */
  severity: string;
  category: string;
  title: string;
  file: string;
  line: number;
  message: string;
  end_line?: number;
  suggestion?: string;
  confidence?: string;
  rule_id?: string;
}
