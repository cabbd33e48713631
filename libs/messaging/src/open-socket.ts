import type { ISocketFactory } from 'kafkajs';
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

/** As in kafkajs' own. */
const KEEP_ALIVE_AFTER_MS = 60_000;

/**
 * As kafkajs opens its sockets, and with TCP_NODELAY, which it never sets: a request behind one that is not yet
 * acknowledged would wait for that, up to 40 ms where the broker's side delays its acknowledgements.
 */
export const openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket = ssl ? connectSecurely({ host, port, ...name, ...ssl }, onConnect) : connect({ host, port }, onConnect);
  return socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS).setNoDelay(true);
};

/**
 * The sockets of one client. kafkajs may open one while it disconnects, for it looks for the brokers again from time to
 * time, and then forgets it: a process that has stopped would not end.
 */
export class ClientSockets {
  readonly #open = new Set<Socket>();
  #destroyed = false;

  readonly open: ISocketFactory = (options) => {
    const socket = openSocket(options);
    if (this.#destroyed) return socket.destroy();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Once the client has disconnected; what it opens after that is closed at once. */
  destroy(): void {
    this.#destroyed = true;
    for (const socket of this.#open) socket.destroy();
  }
}
