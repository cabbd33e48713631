import type { ISocketFactory } from 'kafkajs';
import { connect, isIP } from 'node:net';
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
