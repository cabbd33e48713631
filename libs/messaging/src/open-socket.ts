import type { ISocketFactory } from 'kafkajs';
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import type { TlsMaterial } from './tls-material.js';

/** As in kafkajs' own. */
const KEEP_ALIVE_AFTER_MS = 60_000;

export interface SocketOptions {
  /** Null: without TLS. */
  tls: TlsMaterial | null;
  /** The other side took what was sent and closed the connection; what it had answered by then. */
  onClosed?: (after: AnsweredBefore) => void;
}

/** Nothing of Kafka's, or the first request of a connection alone, which asks for the versions that the broker speaks. */
export type AnsweredBefore = 'nothing' | 'versions';

/**
 * As kafkajs opens its sockets, and with TCP_NODELAY, which it never sets: a request behind one that is not yet
 * acknowledged would wait for that, up to 40 ms where the broker's side delays its acknowledgements.
 */
export function socketsBy({ tls, onClosed }: SocketOptions): ISocketFactory {
  return ({ host, port, onConnect }) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = tls
      ? connectSecurely({ host, port, ...name, ...tls.options() }, onConnect)
      : connect({ host, port }, onConnect);
    if (onClosed) watchAnswers(socket, onClosed);
    return socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS).setNoDelay(true);
  };
}

/** RFC 8446, 5.1, from a listener that was asked without TLS. As the length of an answer these bytes would be 350 MB. */
function isTlsAlert(bytes: Buffer): boolean {
  return bytes[0] === 0x15 && bytes[1] === 0x03;
}

const LENGTH_BYTES = 4;

function watchAnswers(socket: Socket, onClosed: (after: AnsweredBefore) => void): void {
  let [received, first_ends_at, sent_by_then, alerted] = [0, 0, 0, false];
  const onData = (bytes: Buffer): void => {
    if (received === 0) {
      alerted = isTlsAlert(bytes);
      first_ends_at = bytes.length < LENGTH_BYTES ? 0 : LENGTH_BYTES + bytes.readUInt32BE(0);
    }
    received += bytes.length;
    if (received === first_ends_at) sent_by_then = socket.bytesWritten;
    // From the second answer on nothing is learnt.
    if (received > first_ends_at) socket.off('data', onData);
  };
  const judge = (): void => {
    if (received === 0 || alerted) onClosed('nothing');
    else if (received === first_ends_at && socket.bytesWritten > sent_by_then) onClosed('versions');
  };
  socket.on('data', onData);
  socket.once('end', judge);
  socket.once('error', ({ code }: NodeJS.ErrnoException) => code === 'ECONNRESET' && judge());
}

/**
 * The sockets of one client. kafkajs may open one while it disconnects, for it looks for the brokers again from time to
 * time, and then forgets it: a process that has stopped would not end.
 */
export class ClientSockets {
  readonly #open = new Set<Socket>();
  #destroyed = false;

  /** The same sockets, known here. */
  keeping(open: ISocketFactory): ISocketFactory {
    return (options) => {
      const socket = open(options);
      if (this.#destroyed) return socket.destroy();
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      return socket;
    };
  }

  /** Once the client has disconnected; what it opens after that is closed at once. */
  destroy(): void {
    this.#destroyed = true;
    for (const socket of this.#open) socket.destroy();
  }
}
