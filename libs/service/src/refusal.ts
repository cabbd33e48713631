import { Problem, problemDetails } from '@assay/contracts';
import { currentContext } from '@assay/observability';
import type { FastifyReply } from 'fastify';

/**
 * What a request is answered that is one too many. No exception: a flood is thousands of these, and each would collect a
 * stack, go through Nest's filters and have its text, which is ours alone, searched for secrets.
 */
export class Refusal {
  /** Of each kind, as it is answered, but for what closes the object. */
  static readonly #texts = new Map<string, string>();

  /**
   * @param detail one of few: it names limits, and nothing of the request
   * @param again_in_ms when to come again
   */
  constructor(
    readonly code: 'rate_limited' | 'unavailable',
    readonly detail: string,
    readonly again_in_ms: number,
  ) {}

  /** As `Retry-After` has it. */
  get again_in_s(): number {
    return Math.max(1, Math.ceil(this.again_in_ms / 1_000));
  }

  answer(reply: FastifyReply): void {
    const { correlation_id } = currentContext();
    void reply
      .code(this.code === 'rate_limited' ? 429 : 503)
      .header('retry-after', String(this.again_in_s))
      .header('content-type', 'application/problem+json')
      .send(`${this.#text()},"correlation_id":${JSON.stringify(correlation_id)}}`);
  }

  #text(): string {
    let text = Refusal.#texts.get(this.detail);
    if (text === undefined) {
      text = JSON.stringify(problemDetails(new Problem(this.code, { detail: this.detail }))).slice(0, -1);
      Refusal.#texts.set(this.detail, text);
    }
    return text;
  }
}
