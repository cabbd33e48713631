import { createHash, randomUUID } from 'node:crypto';
import { answerOf, type HttpAnswer, type HttpRequest } from './http-messages.js';
import { type AcceptedApiMail, type Dialect, DIALECTS, type MailService, type WantedMail } from './mail-dialects.js';

export interface MailApiOptions {
  service: MailService;
  token: string;
  max_bytes?: number;
  /** How long a mail stays out of searches. */
  lag_ms?: number;
}

export interface MailApiOutcome {
  answer: HttpAnswer;
  /** What was taken with this request; under a remembered key that is the first one again. */
  taken: AcceptedApiMail | null;
  /** People get a mail by it, which they do not by a second request under a remembered key. */
  is_new: boolean;
}

/** A mail service that keeps its documented promises: credentials, sizes, keys, and searches that come late. */
export class MailApi {
  /** Mails that people get. */
  readonly mails: AcceptedApiMail[] = [];
  /** Requests that were taken in whole, those under a remembered key among them. */
  readonly taken: AcceptedApiMail[] = [];
  /** Paths of what asked instead of sending. */
  readonly asked: string[] = [];
  readonly #dialect: Dialect;
  readonly #by_key = new Map<string, { digest: string; mail: AcceptedApiMail }>();
  readonly #visible_at_ms = new Map<string, number>();

  constructor(private readonly options: MailApiOptions) {
    this.#dialect = DIALECTS[options.service];
  }

  handle(request: HttpRequest): MailApiOutcome {
    const { authorized, found, path, unauthorized } = this.#dialect;
    if (!authorized(request, this.options.token)) return saying(unauthorized);
    if (request.path === path) return this.#take(request);
    this.asked.push(request.path);
    const visible = this.mails.filter(({ id }) => this.#visible_at_ms.get(id)! <= performance.now());
    return saying(found?.(request, visible) ?? answerOf(404));
  }

  #take(request: HttpRequest): MailApiOutcome {
    const { max_bytes = 1_000_000, lag_ms = 0 } = this.options;
    const { incomplete, key_taken, sent, tooLarge } = this.#dialect;
    if (request.body.length > max_bytes) return saying(tooLarge);
    const wanted = this.#wanted(request);
    if (wanted === null) return saying(incomplete);
    const digest = createHash('sha256').update(request.body).digest('hex');
    const known = key_taken === null ? undefined : this.#by_key.get(wanted.key);
    if (known && known.digest !== digest) return saying(key_taken!);
    const mail = known?.mail ?? { ...wanted, id: randomUUID(), body: request.body.toString() };
    this.taken.push(mail);
    if (!known) {
      this.mails.push(mail);
      this.#by_key.set(wanted.key, { digest, mail });
      this.#visible_at_ms.set(mail.id, performance.now() + lag_ms);
    }
    return { answer: sent(mail.id), taken: mail, is_new: !known };
  }

  #wanted(request: HttpRequest): WantedMail | null {
    try {
      return this.#dialect.mail(request);
    } catch {
      // A body that is no JSON.
      return null;
    }
  }
}

function saying(answer: HttpAnswer): MailApiOutcome {
  return { answer, taken: null, is_new: false };
}
