import { expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { socketsBy } from './open-socket.js';

/** Node tells no other way what a socket was set to. */
function nodeSetting(socket: object, name: string): unknown {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);
  return symbol && (socket as Record<symbol, unknown>)[symbol];
}

it('opens the sockets to Kafka with keep-alive and without the delay of small writes', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connected = new Promise<void>((resolve) => {
    const socket = socketsBy({ tls: null })({
      host: '127.0.0.1',
      port,
      ssl: undefined as never,
      onConnect: resolve,
    }) as Socket;
    expect(nodeSetting(socket, 'kSetNoDelay')).toBe(true);
    expect(nodeSetting(socket, 'kSetKeepAlive')).toBe(true);
    server.once('connection', (accepted) => accepted.destroy());
    socket.on('error', () => undefined).once('close', () => server.close());
  });
  await connected;
  await once(server, 'close');
});
