import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { ForbiddenAddressError, guardedLookup, isForbiddenAddress } from '@assay/security';

export interface MailServerPlace {
  host: string;
  port: number;
  timeout_ms: number;
}

/**
 * An open connection to a mail server, and to no address that no request may reach: judged when it is made, after its
 * name is resolved (SEC-9). nodemailer resolves names by itself and keeps them for minutes; TLS stays its own.
 *
 * @throws Error as nodemailer's own: `EDNS`, `ESOCKET` or `ETIMEDOUT` at `CONN`, with Node's code as `originalCode`
 */
export function connectGuarded({ host, port, timeout_ms }: MailServerPlace): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (isForbiddenAddress(host)) return reject(asMailError(new ForbiddenAddressError()));
    const socket = connect({ host, port, lookup: guardedLookup });
    const late = setTimeout(() => {
      socket.destroy(Object.assign(new Error('Connection timeout'), { code: 'ETIMEDOUT' }));
    }, timeout_ms);
    const onError = (error: Error): void => {
      clearTimeout(late);
      reject(asMailError(error));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(late);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

function asMailError(error: NodeJS.ErrnoException): Error {
  const { code, syscall } = error;
  const kind = syscall === 'getaddrinfo' ? 'EDNS' : code === 'ETIMEDOUT' ? 'ETIMEDOUT' : 'ESOCKET';
  return Object.assign(error, { code: kind, command: 'CONN', ...(code !== kind && { originalCode: code }) });
}
