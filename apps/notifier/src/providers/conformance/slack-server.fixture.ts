import { answer, startHttpReceiver } from './http-receiver.fixture.js';
import type { HttpBehaviour, HttpReceiver } from './http-receiver.fixture.js';
import type { Certificate } from './self-signed.fixture.js';

export const SLACK_PATH = '/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX';

interface Block {
  type: string;
  text?: { type: string; text: string };
}

export interface SlackMessage {
  text: string;
  blocks: Block[];
  raw: Buffer;
  /** Whom it would have notified. */
  mentions: string[];
}

/** An incoming webhook that enforces what Slack's does, and reads mentions as it does. */
export interface SlackServer extends HttpReceiver {
  hook_url: string;
  posted: SlackMessage[];
  /** How often it said `ratelimited`. */
  rate_limited: number;
  /** What comes after a message has been posted; answers instead of "ok". */
  afterwards(behaviour: HttpBehaviour | null): void;
  /** Answers instead of looking at the message. */
  refuse(behaviour: HttpBehaviour | null): void;
}

/** Nobody promises how short a burst has to be. */
const BURST = 3;

export interface SlackServerOptions {
  certificate?: Certificate;
  /** Messages a second, with short bursts as Slack has them; no limit where it is left out. */
  rate_per_s?: number;
}

export async function startSlackServer({ certificate, rate_per_s }: SlackServerOptions = {}): Promise<SlackServer> {
  const receiver = await startHttpReceiver(certificate);
  let afterwards: HttpBehaviour | null = null;
  let refuse: HttpBehaviour | null = null;
  let room = BURST;
  let looked_at_ms = performance.now();
  const server: SlackServer = Object.assign(receiver, {
    hook_url: `${receiver.url}${SLACK_PATH}`,
    posted: [] as SlackMessage[],
    rate_limited: 0,
    afterwards: (behaviour: HttpBehaviour | null) => void (afterwards = behaviour),
    refuse: (behaviour: HttpBehaviour | null) => void (refuse = behaviour),
  });
  receiver.behave((response, request) => {
    if (request.path !== SLACK_PATH) return answer(404, {}, 'no_service')(response, request);
    if (refuse) return refuse(response, request);
    const now_ms = performance.now();
    const earned = ((now_ms - looked_at_ms) / 1_000) * (rate_per_s ?? 0);
    room = rate_per_s === undefined ? BURST : Math.min(BURST, room + earned);
    looked_at_ms = now_ms;
    if (room < 1) {
      server.rate_limited += 1;
      return answer(429, { 'retry-after': '1' }, 'rate_limited')(response, request);
    }
    const fault = faultOf(request.body);
    if (fault !== null) return answer(400, {}, fault)(response, request);
    room -= 1;
    server.posted.push(messageOf(request.body));
    (afterwards ?? answer(200, {}, 'ok'))(response, request);
  });
  return server;
}

function parsed(body: Buffer): { text?: string; blocks?: Block[] } | null {
  try {
    return JSON.parse(body.toString()) as { text?: string; blocks?: Block[] };
  } catch {
    return null;
  }
}

function faultOf(body: Buffer): string | null {
  const message = parsed(body);
  if (message === null) return 'invalid_payload';
  const { text = '', blocks = [] } = message;
  if (text === '' && blocks.length === 0) return 'no_text';
  if (text.length > 40_000) return 'msg_too_long';
  const wrong = blocks.some(
    ({ type, text }) => type !== 'section' || !text || text.text === '' || text.text.length > 3_000,
  );
  return blocks.length > 50 || wrong ? 'invalid_blocks' : null;
}

function messageOf(raw: Buffer): SlackMessage {
  const { text = '', blocks = [] } = parsed(raw)!;
  const texts = [text, ...blocks.map((block) => block.text?.text ?? '')];
  return { text, blocks, raw, mentions: texts.flatMap(mentionsIn) };
}

/** `<!here>`, `<@U1>`, `<#C1>` of Slack; `@here`, `@all`, `@name` of servers that read plain text. */
function mentionsIn(text: string): string[] {
  const bracketed = text.match(/<[!@#][^>]*>/g) ?? [];
  const plain = text.match(/(?<![A-Za-z0-9])@[A-Za-z0-9_.-]+/g) ?? [];
  return [...bracketed, ...plain];
}
