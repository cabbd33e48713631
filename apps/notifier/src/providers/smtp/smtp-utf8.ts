import SMTPConnection from 'nodemailer/lib/smtp-connection';

/** A domain beyond ASCII is sent in its ASCII form; a local part has none. */
export function needsUtf8(address: string): boolean {
  return /[^\u0000-\u007f]/.test(address.slice(0, address.lastIndexOf('@')));
}

type ConnectionOptions = NonNullable<ConstructorParameters<typeof SMTPConnection>[0]>;

/**
 * Whether the server announces SMTPUTF8. nodemailer sends an address beyond ASCII to any server, and its pool does not
 * tell what was announced to a connection, so the question has a connection of its own. Rejects as a send does.
 */
export function takesUtf8(options: ConnectionOptions, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // nodemailer hands what was announced to a method of authentication; this one only reads it.
    const customAuth: ConnectionOptions['customAuth'] = {
      ANNOUNCED: ({ extensions }) => {
        resolve(extensions.includes('SMTPUTF8'));
        connection.quit();
      },
    };
    const connection = new SMTPConnection({ ...options, customAuth });
    const onAbort = (): void => {
      connection.close();
      reject(Object.assign(new Error('aborted'), { code: 'EABORT' }));
    };
    connection.on('error', reject);
    connection.once('end', () => {
      signal.removeEventListener('abort', onAbort);
      reject(Object.assign(new Error('the connection ended'), { code: 'ECONNECTION' }));
    });
    connection.connect((error) => {
      if (error) reject(error);
      else connection.login({ method: 'ANNOUNCED' }, () => undefined);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
