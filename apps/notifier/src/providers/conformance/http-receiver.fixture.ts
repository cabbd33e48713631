import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  headers: IncomingHttpHeaders;
  path: string;
  body: Buffer;
}

/** Answers one request; `cut` ends its connection without an answer, `ignore` leaves it open. */
export type HttpBehaviour = (response: ServerResponse, request: ReceivedRequest) => void;

export interface HttpReceiver {
  url: string;
  /** Every request that came whole, whatever was answered. */
  received: ReceivedRequest[];
  behave(behaviour: HttpBehaviour): void;
  close(): Promise<void>;
}

export const answer =
  (status: number, headers: Record<string, string> = {}): HttpBehaviour =>
  (response) =>
    response.writeHead(status, headers).end();
export const cut: HttpBehaviour = (response) => response.socket?.destroy();
export const ignore: HttpBehaviour = () => undefined;

/** A real HTTP server that keeps what it was sent. */
export async function startHttpReceiver(): Promise<HttpReceiver> {
  let behaviour = answer(204);
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const received = { headers: request.headers, path: request.url ?? '', body: Buffer.concat(chunks) };
      receiver.received.push(received);
      behaviour(response, received);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: HttpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    behave: (next) => (behaviour = next),
    close: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
  return receiver;
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}
