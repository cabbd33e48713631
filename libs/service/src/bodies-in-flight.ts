import { counter } from '@assay/observability';
import { Refusal } from './refusal.js';

const refusals = counter('assay_http_bodies_refused_total', 'Requests refused before their body was read, by reason.');

const AGAIN_MS = 1_000;
/** Of the limit, for one caller: whoever sends slowly or much holds up nobody else. */
const SHARE = 0.5;

/**
 * Bytes of request bodies that are being read or worked on (ING-12). A body counts with the length that it declares from
 * before its first byte is read until it is answered. One body of each caller is always read, so that a limit below the
 * largest body makes it wait its turn, and not for ever.
 */
export class BodiesInFlight {
  readonly #by_caller = new Map<string, number>();
  #bytes = 0;

  constructor(private readonly limit_bytes: number) {}

  /**
   * Makes room for a body; call what it returns once it is answered, or gone. Refuses as `rate_limited` where the caller
   * holds its share, as `unavailable` where there is no room for anybody.
   */
  admit(caller: string, bytes: number): (() => void) | Refusal {
    const held = this.#by_caller.get(caller) ?? 0;
    if (held > 0 && held + bytes > this.limit_bytes * SHARE) return refused('rate_limited', 'of this caller ');
    if (this.#bytes > 0 && this.#bytes + bytes > this.limit_bytes) return refused('unavailable', '');
    this.#add(caller, bytes);
    return () => this.#add(caller, -bytes);
  }

  #add(caller: string, bytes: number): void {
    this.#bytes += bytes;
    const held = (this.#by_caller.get(caller) ?? 0) + bytes;
    if (held === 0) this.#by_caller.delete(caller);
    else this.#by_caller.set(caller, held);
  }
}

function refused(code: 'rate_limited' | 'unavailable', whose: string): Refusal {
  refusals.add(1, { reason: code });
  return new Refusal(
    code,
    `The request bodies ${whose}under way hold as many bytes as they may; nothing was read or stored: send it again after Retry-After.`,
    AGAIN_MS,
  );
}
