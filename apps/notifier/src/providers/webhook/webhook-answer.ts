import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { evidence, MAX_EVIDENCE_BYTES } from '../evidence.js';

/** A body that is longer, or takes longer, costs its connection: nothing in it is waited for. */
const MAX_BODY_BYTES = 4 * 1024;
const MAX_BODY_MS = 1_000;
const MAX_HEADER_CHARACTERS = 256;
const TOLD_HEADERS = ['content-type', 'location', 'request-id', 'retry-after', 'x-request-id'];

/**
 * Reads the body away, so that the connection can be used again, and gives the connection up at the limits. Resolves
 * with the body's first KiB as soon as that has come or no more of it will; never rejects, whatever becomes of it.
 */
export function readAway(body: Readable): Promise<string> {
  return new Promise((resolve) => {
    const kept: Buffer[] = [];
    let bytes = 0;
    const tell = (): void => resolve(Buffer.concat(kept).subarray(0, MAX_EVIDENCE_BYTES).toString());
    const timer = setTimeout(() => body.destroy(), MAX_BODY_MS);
    body.on('error', () => undefined);
    body.on('close', () => {
      clearTimeout(timer);
      tell();
    });
    body.on('data', (chunk: Buffer) => {
      if (bytes < MAX_EVIDENCE_BYTES) kept.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_EVIDENCE_BYTES) tell();
      if (bytes > MAX_BODY_BYTES) body.destroy();
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
