import { SlackHook } from '../../../../../infra/local/receivers/slack-hook.js';
import type { SlackMessage } from '../../../../../infra/local/receivers/slack-hook.js';
import { answer, startHttpReceiver } from './http-receiver.fixture.js';
import type { HttpBehaviour, HttpReceiver } from './http-receiver.fixture.js';
import type { ServerCertificate } from '@assay/testing';

export const SLACK_PATH = '/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX';

/** The hook of the local stack, at the test's command. */
export interface SlackServer extends HttpReceiver {
  hook_url: string;
  hook: SlackHook;
  posted: readonly SlackMessage[];
  /** What comes after a message has been posted; answers instead of "ok". */
  afterwards(behaviour: HttpBehaviour | null): void;
  /** Answers instead of looking at the message. */
  refuse(behaviour: HttpBehaviour | null): void;
}

export interface SlackServerOptions {
  certificate?: ServerCertificate;
  host?: string;
  /** Messages a second, with short bursts as Slack has them; no limit where it is left out. */
  rate_per_s?: number;
}

export async function startSlackServer({
  certificate,
  host,
  rate_per_s,
}: SlackServerOptions = {}): Promise<SlackServer> {
  const receiver = await startHttpReceiver(certificate, host);
  const hook = new SlackHook(SLACK_PATH, rate_per_s ?? null);
  let afterwards: HttpBehaviour | null = null;
  let refuse: HttpBehaviour | null = null;
  receiver.behave((response, request) => {
    if (refuse && request.path === SLACK_PATH) return refuse(response, request);
    const outcome = hook.handle(request);
    const said = answer(outcome.answer.status, outcome.answer.headers, outcome.answer.body);
    ((outcome.posted && afterwards) ?? said)(response, request);
  });
  return Object.assign(receiver, {
    ...{ hook, hook_url: `${receiver.url}${SLACK_PATH}`, posted: hook.posted },
    afterwards: (behaviour: HttpBehaviour | null) => void (afterwards = behaviour),
    refuse: (behaviour: HttpBehaviour | null) => void (refuse = behaviour),
  });
}
