import { open, stat } from 'node:fs/promises';
import type { PostgresSettings } from '../../infra/local/postgres.js';
import type { Span } from './statistics.js';

/** A statement that took longer than `LOGGED_MS`, as Postgres wrote it. */
export interface LoggedStatement extends Span {
  /** The role's: `dead_letter`. */
  service: string;
  /** `COMMIT`, the name of a prepared statement, or the first word of another. */
  name: string;
}

export const LOGGED_MS = 2;
/** A commit counts as a statement here, its wait for the disk included; in pg_stat_statements that wait is left out. */
export const LOGGING_SETTINGS: PostgresSettings = {
  log_min_duration_statement: LOGGED_MS,
  // Bodies would be written with them.
  log_parameter_max_length: 0,
};

const LINE =
  /^(\S+ \S+) UTC \[\d+\] assay_(\w+)@\w* LOG: {2}duration: ([\d.]+) ms {2}(?:statement: (\w+)|(?:parse|bind|execute) (\S+?):)/gm;

/** Each line is written when its statement has ended. */
export function loggedStatements(log: string): LoggedStatement[] {
  return [...log.matchAll(LINE)].map(([, time, service, duration, word, name]) => {
    const took_ms = Number(duration);
    const ended_at_ms = Date.parse(`${time!.replace(' ', 'T')}Z`);
    return { service: service!, name: name ?? word ?? '', took_ms, begun_at_ms: ended_at_ms - took_ms };
  });
}

/** What is written to a file from now on. */
export class Follower {
  private constructor(
    private readonly path: string,
    private readonly from: number,
  ) {}

  static async of(path: string): Promise<Follower> {
    return new Follower(path, (await stat(path)).size);
  }

  async read(): Promise<string> {
    const file = await open(this.path);
    try {
      const length = (await file.stat()).size - this.from;
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, this.from);
      return buffer.toString();
    } finally {
      await file.close();
    }
  }
}
