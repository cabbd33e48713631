// A provider for Matrix rooms (https://spec.matrix.org), built against the public interface alone: docs/providers.md.
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Classification, OwnProvider, ProviderModule, ProviderTools, Review, SendRequest } from '@assay/provider';

interface Settings {
  /** As `https://matrix.example.org`. */
  homeserver: string;
  /** A reference to the access token of the bot's account. */
  token: string;
  /** By the names that recipients use: `{"reviews": "!abc:example.org"}`. */
  rooms: Record<string, string>;
}

/** A homeserver remembers transactions for as long as it likes; half an hour is what the common one does at least. */
const REMEMBERED_MS = 30 * 60_000;
/** An event is at most 65,536 bytes; there is room left for what the server adds. */
const MAX_TEXT_BYTES = 30_000;
const MAX_ANSWER_BYTES = 4_096;

/** The homeserver answered, and not with a 200. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly text: string,
    readonly retry_after_ms: number | undefined,
    readonly key: string,
  ) {
    super(`the homeserver answered ${status}`);
  }

  /** As `M_FORBIDDEN`. */
  get errcode(): string {
    const { errcode } = parsed(this.text) as { errcode?: unknown };
    return typeof errcode === 'string' ? errcode : '';
  }
}

/** No answer came. */
class Silence extends Error {
  constructor(
    readonly started: boolean,
    readonly code: string,
  ) {
    super(`no answer (${code})`);
  }
}

const CERTIFICATE_CODES = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/;

class MatrixProvider implements OwnProvider {
  // The transaction id of the request is the delivery's key: the same one again is answered with the first event.
  readonly capabilities = {
    idempotent: true,
    idempotent_for_ms: REMEMBERED_MS,
    lookup: null,
    ambiguous_policy: 'resend',
  } as const;
  readonly #token: { current(): string };

  constructor(
    private readonly settings: Settings,
    private readonly tools: ProviderTools,
  ) {
    if (!URL.canParse(settings.homeserver)) throw new Error('settings.homeserver is no URL');
    if (typeof settings.rooms !== 'object') throw new Error('settings.rooms is missing');
    this.#token = tools.secret(settings.token);
  }

  destinationOf(address: string) {
    if (!Object.hasOwn(this.settings.rooms, address)) return null;
    const credentialFingerprint = () => createHash('sha256').update(this.#token.current()).digest('hex');
    return { name: `x-matrix:${address}`, concurrency: 2, rate_per_s: 5, credentialFingerprint };
  }

  render(review: Review): string {
    return JSON.stringify({ msgtype: 'm.notice', body: textOf(review), 'm.mentions': {} });
  }

  async send({ key, address, body, signal }: SendRequest): Promise<{ notification_id: string }> {
    const room = encodeURIComponent(this.settings.rooms[address]!);
    const path = `/_matrix/client/v3/rooms/${room}/send/m.room.message/${key}`;
    const answer = await put(new URL(path, this.settings.homeserver), body, this.#token.current(), {
      signal,
      timeout_ms: this.tools.send_timeout_ms,
    });
    if (answer.status !== 200) throw new Refusal(answer.status, answer.text, answer.retry_after_ms, key);
    const { event_id } = parsed(answer.text) as { event_id?: unknown };
    return { notification_id: typeof event_id === 'string' ? event_id : key };
  }

  classify(error: unknown): Classification {
    if (error instanceof Refusal) return { ...judge(error), answer: { status: error.status, text: error.text } };
    if (!(error instanceof Silence)) {
      // A bug before the request: from there on nothing throws but the two above. Where anything may, it is `ambiguous`.
      return said('not_sent_permanent', 'destination', 'PROGRAMMING_ERROR', 'unexpected_error', String(error));
    }
    const code = error.code.toLowerCase();
    if (error.started) return said('ambiguous', 'destination', 'OUTCOME_UNKNOWN', code, error.message);
    const untrusted = CERTIFICATE_CODES.test(error.code);
    const named = untrusted ? 'certificate_untrusted' : code;
    const stays = untrusted || error.code === 'ENOTFOUND';
    return { ...said('not_sent_retryable', 'destination', 'DEPENDENCY_UNAVAILABLE', named, error.message), stays };
  }
}

function judge(refusal: Refusal): Classification {
  const { status, errcode, message, retry_after_ms } = refusal;
  const code = errcode === '' ? `http_${status}` : `matrix_${errcode.toLowerCase()}`;
  if (status === 401) return said('not_sent_retryable', 'credential', 'AUTHENTICATION_FAILED', code, message);
  if (status === 429 || status === 503) {
    return { ...said('not_sent_retryable', 'destination', 'DEPENDENCY_UNAVAILABLE', code, message), retry_after_ms };
  }
  if (status === 413) return said('not_sent_permanent', 'recipient', 'POLICY_REJECTED', code, message);
  // The bot is not in the room: that is the room's.
  if (errcode === 'M_FORBIDDEN') return said('not_sent_permanent', 'recipient', 'RECIPIENT_INVALID', code, message);
  if (status === 403) {
    const forbidden = said('not_sent_retryable', 'recipient', 'AUTHENTICATION_FAILED', code, message);
    return { ...forbidden, suspected: { of: 'credential', counted_by: refusal.key } };
  }
  if (status === 404 || (status >= 300 && status < 400)) {
    return { ...said('not_sent_retryable', 'destination', 'DEPENDENCY_UNAVAILABLE', code, message), stays: true };
  }
  if (status >= 500) return said('ambiguous', 'destination', 'OUTCOME_UNKNOWN', code, message);
  return said('not_sent_permanent', 'recipient', 'POLICY_REJECTED', code, message);
}

function said(
  verdict: Classification['verdict'],
  concerns: Classification['concerns'],
  error_class: Classification['error_class'],
  code: string,
  message: string,
): Classification {
  return { verdict, concerns, error_class, code, message };
}

function textOf({ changelist_id, review_version, findings, withheld, counts, links }: Review): string {
  const unusable = counts.dropped === 0 ? '' : `, ${counts.dropped} could not be used`;
  const besides = `${withheld === 0 ? '' : `, ${withheld} withheld`}${unusable}`;
  const lines = [`Review of ${changelist_id}, version ${review_version}: ${findings.length} findings${besides}`];
  let bytes = 0;
  let shown = 0;
  for (const { severity, file, line, title, message } of findings) {
    const text = `${severity}: ${file}:${line} ${title}\n  ${message.replaceAll('\n', '\n  ')}`;
    bytes += Buffer.byteLength(text);
    if (bytes > MAX_TEXT_BYTES) break;
    lines.push(text);
    shown += 1;
  }
  if (shown < findings.length) lines.push(`${findings.length - shown} more`);
  return [...lines, links.findings].join('\n');
}

interface Answer {
  status: number;
  text: string;
  retry_after_ms: number | undefined;
}

/** One PUT over a connection of its own: from the moment that it stands, bytes may have left. */
function put(url: URL, body: Uint8Array, token: string, limits: { signal: AbortSignal; timeout_ms: number }) {
  return new Promise<Answer>((resolve, reject) => {
    let started = false;
    const secure = url.protocol === 'https:';
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method: 'PUT',
      agent: false,
      signal: limits.signal,
      timeout: limits.timeout_ms,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': body.byteLength,
      },
    });
    request.on('socket', (socket) => socket.once(secure ? 'secureConnect' : 'connect', () => (started = true)));
    request.on('timeout', () => request.destroy(Object.assign(new Error('time-out'), { code: 'ETIMEDOUT' })));
    request.on('error', (error: NodeJS.ErrnoException) =>
      reject(new Silence(started, error.code ?? 'unexpected_error')),
    );
    request.on('response', (response) => void read(response).then(resolve));
    request.end(body);
  });
}

/** The status is the answer; of the body as much as is told. */
async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // What came is enough.
  }
  response.destroy();
  const text = Buffer.concat(chunks).toString();
  const { retry_after_ms } = parsed(text) as { retry_after_ms?: unknown };
  const seconds = Number(response.headers['retry-after']);
  const asked = typeof retry_after_ms === 'number' ? retry_after_ms : seconds > 0 ? seconds * 1_000 : undefined;
  return { status: response.statusCode ?? 0, text, retry_after_ms: asked };
}

function parsed(text: string): object {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

export default {
  create: (settings, tools) => new MatrixProvider(settings as Settings, tools),
} satisfies ProviderModule;
