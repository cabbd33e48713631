import { chmod, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { OwnedProcesses } from './owned-processes.js';
import { freePorts } from './ports.js';
import { LocalPostgres } from './postgres.js';
import { temporaryRoot } from './postgres-installation.js';

export interface PostgresAlone {
  postgres: LocalPostgres;
  /** For what else belongs to the run: it ends with it. */
  processes: OwnedProcesses;
  stop(): Promise<void>;
}

/** A Postgres without a Kafka, for what is asked of the queue alone; its data goes with it. */
export async function startPostgresAlone(
  build: string,
  options: { durable: boolean; log_directory: string },
): Promise<PostgresAlone> {
  await mkdir(options.log_directory, { recursive: true });
  const processes = new OwnedProcesses(build);
  const directory = await mkdtemp(join(await temporaryRoot(), 'assay-postgres-'));
  processes.ownDirectory(directory);
  // mkdtemp makes it 0700, and Postgres may have to run as another user than this one.
  await chmod(directory, 0o755);
  const [port] = await freePorts(1);
  const postgres = new LocalPostgres(processes, {
    directory: join(directory, 'postgres'),
    log_file: join(options.log_directory, 'postgres.log'),
    port: port ?? 0,
    durable: options.durable,
  });
  const stop = async (): Promise<void> => {
    await postgres.stop();
    await processes.stopAll();
    processes.removeDirectory(directory);
    await processes.release();
  };
  try {
    await postgres.prepare();
    await postgres.start();
    await postgres.createDatabase();
  } catch (error) {
    await stop();
    throw error;
  }
  return { postgres, processes, stop };
}
