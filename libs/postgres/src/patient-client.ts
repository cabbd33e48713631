import pg from 'pg';
import { ListeningTimer } from './listening-timer.js';

const CONNECTION_TIMEOUT_MS = 5_000;

/** A connection that may take 5 s to be made, by the time in which this process listened; the pool's own limit is the clock's. */
export class PatientClient extends pg.Client {
  override connect(): Promise<this>;
  override connect(connected: (error: Error) => void): void;
  /** With a callback, as the pool does. */
  override connect(connected?: (error: Error) => void): Promise<this> | void {
    if (connected === undefined) {
      return new Promise((resolve, reject) => {
        this.connect((error: Error | undefined) => (error ? reject(error) : resolve(this)));
      });
    }
    const limit = new ListeningTimer(CONNECTION_TIMEOUT_MS, () => {
      hangUp(this, new Error(`no connection was made within ${CONNECTION_TIMEOUT_MS} ms`));
    });
    super.connect((error: Error) => {
      limit.end();
      connected(error);
    });
  }
}

/** Ends a connection without a word: what is under way on it fails, and its pool drops it. */
export function hangUp(client: pg.ClientBase, why?: Error): void {
  (client as unknown as { connection: { stream: { destroy(error?: Error): void } } }).connection.stream.destroy(why);
}
