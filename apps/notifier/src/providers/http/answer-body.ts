import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { evidence } from '../evidence.js';

/** A body of which nothing is needed, and that is longer or takes longer, costs its connection. */
const MAX_BODY_BYTES = 4 * 1024;
const MAX_BODY_MS = 1_000;
/** Lookups answer with lists; what is asked for is one entry. */
const MAX_JSON_BYTES = 512 * 1024;
const MAX_HEADER_CHARACTERS = 256;
const TOLD_HEADERS = ['content-type', 'location', 'request-id', 'retry-after', 'x-request-id'];

/**
 * Reads the body away, so that the connection can be used again, and gives the connection up at the limits. Resolves
 * with the body's beginning as soon as that has come or no more of it will; never rejects, whatever becomes of it.
 */
export async function readAway(body: Readable): Promise<string> {
  return (await read(body, MAX_BODY_BYTES, MAX_BODY_BYTES)).toString();
}

/**
 * The body as JSON; undefined where it is none, is cut off, takes too long or is longer than what anybody asked for.
 * Never rejects: the status has answered already.
 */
export async function readJson(body: Readable): Promise<unknown> {
  try {
    return JSON.parse((await read(body, MAX_JSON_BYTES, MAX_JSON_BYTES)).toString()) as unknown;
  } catch {
    return undefined;
  }
}

function read(body: Readable, keep_bytes: number, max_bytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const kept: Buffer[] = [];
    let bytes = 0;
    const tell = (): void => resolve(Buffer.concat(kept).subarray(0, keep_bytes));
    const timer = setTimeout(() => body.destroy(), MAX_BODY_MS);
    body.on('error', () => undefined);
    body.on('close', () => {
      clearTimeout(timer);
      tell();
    });
    body.on('data', (chunk: Buffer) => {
      if (bytes < keep_bytes) kept.push(chunk);
      bytes += chunk.length;
      if (bytes >= keep_bytes) tell();
      if (bytes > max_bytes) body.destroy();
    });
  });
}

/** The headers that say what to do (DLQ-3), redacted. */
export function toldHeaders(headers: IncomingHttpHeaders, endpoint: URL): Record<string, string> {
  const told: Record<string, string> = {};
  for (const name of TOLD_HEADERS) {
    const value = [headers[name] ?? []].flat()[0];
    if (value === undefined) continue;
    const shown = name === 'location' ? withoutSecrets(value, endpoint) : value;
    told[name] = evidence(shown).slice(0, MAX_HEADER_CHARACTERS);
  }
  return told;
}

/** User, password, query and fragment are where a URL carries secrets. */
function withoutSecrets(location: string, endpoint: URL): string {
  if (!URL.canParse(location, endpoint.href)) return '[not a URL]';
  const { protocol, host, pathname, search } = new URL(location, endpoint);
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?[redacted]'}`;
}
