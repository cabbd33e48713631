import { setTimeout as pause } from 'node:timers/promises';
import type { ProblemDetails } from '@assay/contracts';
import { request } from 'undici';
import { UsageError } from '../terminal.js';
import type { Terminal } from '../terminal.js';
import { textOption } from '../inputs.js';
import type { Arguments } from '../inputs.js';

/** The service said no, or could not be asked: told on standard error, exit code 1. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly problem: ProblemDetails | null,
  ) {
    super(message);
  }
}

const TIMEOUT_MS = 30_000;
/** A list of many pages asks more often than one key may: it goes on when it is told to (ING-12). */
const TRIES = 5;
const LONGEST_PAUSE_S = 60;

/** The options of every command that speaks to the service. */
export const CONNECTION_OPTIONS = {
  url: { type: 'string' },
  'key-file': { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Where each service is, unless `--url` says so: acting is dead-letter's, deliveries are read at their owner (DEL-19). */
const PLACES = { 'dead-letter': 'ASSAY_URL', notifier: 'ASSAY_NOTIFIER_URL' } as const;
export type Service = keyof typeof PLACES;

/** A service's REST API, which is all that this command uses of it (DLQ-14). */
export class ApiClient {
  constructor(
    private readonly url: URL,
    private readonly key: string,
  ) {}

  /** From `--url` and `--key-file`, or the environment. A key on the command line would stand in every list of processes. */
  static from(given: Arguments, terminal: Terminal, service: Service): ApiClient {
    const place = PLACES[service];
    const url = textOption(given, 'url') ?? terminal.env[place];
    if (url === undefined || url === '') throw new UsageError(`say where the service is: --url, or ${place}`);
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new UsageError(`${JSON.stringify(url)} is no http URL`);
    const key = keyOf(given, terminal);
    if (!/^[\x21-\x7e]+$/.test(key)) throw new UsageError('the key has characters that no key has');
    return new ApiClient(new URL(url.endsWith('/') ? url : `${url}/`), key);
  }

  get<T>(path: string, query: Record<string, string | undefined> = {}): Promise<T> {
    const params = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, value);
    return this.#send<T>('GET', params.size === 0 ? path : `${path}?${params.toString()}`);
  }

  post<T>(path: string, body: object, headers: Record<string, string> = {}): Promise<T> {
    return this.#send<T>('POST', path, JSON.stringify(body), headers);
  }

  async #send<T>(method: 'GET' | 'POST', path: string, body?: string, more: Record<string, string> = {}): Promise<T> {
    const headers = { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', ...more };
    const url = new URL(path, this.url);
    const limits = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS };
    for (let tries = 1; ; tries += 1) {
      const { status, text, again_after_s } = await ask(url, { method, headers, body, ...limits });
      if (again_after_s !== null && tries < TRIES) {
        await pause(again_after_s * 1_000);
        continue;
      }
      const answer = parse(text);
      if (status >= 200 && status < 300 && answer !== undefined) return answer as T;
      throw refusal(status, answer, url.origin);
    }
  }
}

/** `again_after_s` of one that was refused for nothing but its moment: nothing has come of it. */
async function ask(url: URL, options: Parameters<typeof request>[1]) {
  try {
    const { statusCode: status, headers, body } = await request(url, options);
    const wait_s = Number(headers['retry-after']);
    const again = status === 429 && wait_s > 0 && wait_s <= LONGEST_PAUSE_S;
    return { status, text: await body.text(), again_after_s: again ? wait_s : null };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new Refused(`${url.origin} cannot be reached (${code})`, null);
  }
}

function keyOf(given: Arguments, terminal: Terminal): string {
  const file = textOption(given, 'key-file');
  if (file === undefined) {
    const key = terminal.env['ASSAY_API_KEY'];
    if (!key) throw new UsageError('say who you are: --key-file, or ASSAY_API_KEY');
    return key.trim();
  }
  try {
    return terminal.read(file).toString('utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`the key file ${file} cannot be read (${code ?? 'unknown'})`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(status: number, answer: unknown, origin: string): Refused {
  const problem = answer as ProblemDetails | null | undefined;
  if (typeof problem?.code !== 'string') return new Refused(`${origin} answered ${status}, and is not Assay`, null);
  const { code, title, detail, errors = [], correlation_id } = problem;
  const lines = errors.map((error) => `\n  ${error.pointer} ${error.code}: ${error.detail}`);
  const trail = status >= 500 && correlation_id ? `\n  correlation id ${correlation_id}` : '';
  return new Refused(`${code}: ${detail ?? title}${lines.join('')}${trail}`, problem);
}
