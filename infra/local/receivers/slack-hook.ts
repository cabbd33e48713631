import { answerOf, type HttpAnswer, type HttpRequest } from './http-messages.js';

export interface SlackBlock {
  type: string;
  text?: { type: string; text: string };
}

export interface SlackMessage {
  text: string;
  blocks: SlackBlock[];
  raw: Buffer;
  /** Whom it would have notified. */
  mentions: string[];
}

/** Nobody promises how short a burst has to be. */
const BURST = 3;
const MAX_BLOCKS = 50;
const MAX_BLOCK_CHARACTERS = 3_000;
const MAX_TEXT_CHARACTERS = 40_000;

/** One incoming webhook that enforces what Slack's does, and reads mentions as it does. It knows no keys. */
export class SlackHook {
  readonly posted: SlackMessage[] = [];
  /** How often it said `rate_limited`. */
  rate_limited = 0;
  #room = BURST;
  #looked_at_ms = performance.now();

  /** @param rate_per_s messages a second, with short bursts as Slack has them; null: no limit */
  constructor(
    readonly path: string,
    private readonly rate_per_s: number | null,
  ) {}

  handle(request: HttpRequest): { answer: HttpAnswer; posted: SlackMessage | null } {
    if (request.path !== this.path) return { answer: answerOf(404, 'no_service'), posted: null };
    if (!this.#hasRoom()) {
      this.rate_limited += 1;
      return { answer: answerOf(429, 'rate_limited', { 'retry-after': '1' }), posted: null };
    }
    const fault = faultOf(request.body);
    if (fault !== null) return { answer: answerOf(400, fault), posted: null };
    this.#room -= 1;
    const posted = messageOf(request.body);
    this.posted.push(posted);
    return { answer: answerOf(200, 'ok'), posted };
  }

  #hasRoom(): boolean {
    if (this.rate_per_s === null) this.#room = BURST;
    const now_ms = performance.now();
    const earned = ((now_ms - this.#looked_at_ms) / 1_000) * (this.rate_per_s ?? 0);
    this.#room = Math.min(BURST, this.#room + earned);
    this.#looked_at_ms = now_ms;
    return this.#room >= 1;
  }
}

function parsed(body: Buffer): { text?: string; blocks?: SlackBlock[] } | null {
  try {
    return JSON.parse(body.toString()) as { text?: string; blocks?: SlackBlock[] };
  } catch {
    return null;
  }
}

function faultOf(body: Buffer): string | null {
  const message = parsed(body);
  if (message === null) return 'invalid_payload';
  const { text = '', blocks = [] } = message;
  if (text === '' && blocks.length === 0) return 'no_text';
  if (text.length > MAX_TEXT_CHARACTERS) return 'msg_too_long';
  const wrong = blocks.some(
    ({ type, text: of }) => type !== 'section' || !of || of.text === '' || of.text.length > MAX_BLOCK_CHARACTERS,
  );
  return blocks.length > MAX_BLOCKS || wrong ? 'invalid_blocks' : null;
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
