import type { IncomingHttpHeaders } from 'node:http';

/** A request that has come whole. */
export interface HttpRequest {
  headers: IncomingHttpHeaders;
  /** With the query. */
  path: string;
  body: Buffer;
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function answerOf(status: number, body = '', headers: Record<string, string> = {}): HttpAnswer {
  return { status, headers, body };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer {
  return answerOf(status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
}
