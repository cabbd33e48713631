import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ServerCertificate } from '@assay/testing';

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
  /** Connections opened so far. */
  connections: number;
  behave(behaviour: HttpBehaviour): void;
  close(): Promise<void>;
}

export const answer =
  (status: number, headers: Record<string, string> = {}, body = ''): HttpBehaviour =>
  (response) =>
    response.writeHead(status, headers).end(body);
/** Status and headers at once, and then a byte now and again, without end. */
export const drip =
  (status: number, headers: Record<string, string> = {}): HttpBehaviour =>
  (response) => {
    response.writeHead(status, headers).write('.');
    const timer = setInterval(() => response.write('.'), 50);
    response.on('close', () => clearInterval(timer));
  };
/** Status and headers, a part of the body, and then the end of the connection. */
export const cutWithinBody =
  (status: number): HttpBehaviour =>
  (response) => {
    response.writeHead(status, { 'content-length': '1000' });
    response.write('half of', () => response.socket?.destroy());
  };
const CHUNK = Buffer.alloc(64 * 1024, '.');
/** Status and headers, and then as much as the other side takes, without end. */
export const flood =
  (status: number): HttpBehaviour =>
  (response) => {
    const pour = (): void => {
      while (!response.destroyed && response.write(CHUNK));
    };
    response.writeHead(status).on('drain', pour);
    pour();
  };
/** Ends its half of the connection without an answer; the other half stays open. */
export const halfClose: HttpBehaviour = (response) => response.socket?.end();
/** Asks for another handshake on the connection that is open (TLS 1.2), and answers when that is done. */
export const renegotiate =
  (status: number): HttpBehaviour =>
  (response) => {
    (response.socket as TLSSocket).renegotiate({}, (error) => {
      if (error) response.destroy();
      else response.writeHead(status).end();
    });
  };
export const cut: HttpBehaviour = (response) => response.socket?.destroy();
export const ignore: HttpBehaviour = () => undefined;

/** A real HTTP server that keeps what it was sent. */
export async function startHttpReceiver(certificate?: ServerCertificate, host = '127.0.0.1'): Promise<HttpReceiver> {
  let behaviour = answer(204);
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const received = { headers: request.headers, path: request.url ?? '', body: Buffer.concat(chunks) };
      receiver.received.push(received);
      behaviour(response, received);
    });
  };
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener);
  server.on(certificate ? 'secureConnection' : 'connection', () => (receiver.connections += 1));
  server.listen(0, host);
  await once(server, 'listening');
  const named = host.includes(':') ? `[${host}]` : host;
  const receiver: HttpReceiver = {
    url: `${certificate ? 'https' : 'http'}://${named}:${(server.address() as AddressInfo).port}`,
    received: [],
    connections: 0,
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
