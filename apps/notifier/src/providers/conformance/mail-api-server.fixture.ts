import { MailApi } from '../../../../../infra/local/receivers/mail-api.js';
import type { AcceptedApiMail, MailService } from '../../../../../infra/local/receivers/mail-dialects.js';
import { answer, startHttpReceiver } from './http-receiver.fixture.js';
import type { HttpBehaviour, HttpReceiver } from './http-receiver.fixture.js';
import type { ServerCertificate } from '@assay/testing';

export type { MailService };
export const MAIL_API_TOKEN = 'mail-api-token-1';

export interface MailApiServerOptions {
  service: MailService;
  certificate?: ServerCertificate;
  host?: string;
  max_bytes?: number;
  /** How long a mail stays out of searches. */
  lag_ms?: number;
}

/** The mail service of the local stack, at the test's command. */
export interface MailApiServer extends HttpReceiver {
  /** Mails that people get: a second request under a remembered key is none. */
  mails: readonly AcceptedApiMail[];
  /** Requests that were taken in whole, those under a remembered key among them. */
  taken: readonly AcceptedApiMail[];
  asked: readonly string[];
  /** Answers instead of looking at the mail. */
  refuse(behaviour: HttpBehaviour | null): void;
  /** What comes after a mail was taken, instead of its receipt. */
  afterwards(behaviour: HttpBehaviour | null): void;
  /** From now on it knows nothing of what it has taken. */
  forget(): void;
}

export async function startMailApiServer({
  certificate,
  host,
  ...options
}: MailApiServerOptions): Promise<MailApiServer> {
  const receiver = await startHttpReceiver(certificate, host);
  const api = new MailApi({ ...options, token: MAIL_API_TOKEN });
  let refuse: HttpBehaviour | null = null;
  let afterwards: HttpBehaviour | null = null;
  receiver.behave((response, request) => {
    if (refuse) return refuse(response, request);
    const outcome = api.handle(request);
    const said = answer(outcome.answer.status, outcome.answer.headers, outcome.answer.body);
    ((outcome.taken && afterwards) ?? said)(response, request);
  });
  return Object.assign(receiver, {
    ...{ mails: api.mails, taken: api.taken, asked: api.asked },
    refuse: (behaviour: HttpBehaviour | null) => void (refuse = behaviour),
    afterwards: (behaviour: HttpBehaviour | null) => void (afterwards = behaviour),
    forget: () => void api.mails.splice(0),
  });
}
