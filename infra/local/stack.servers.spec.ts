import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { eventually, testRun } from '@assay/testing';
import { StackHost } from './host-client.js';
import type { PostgresSettings } from './postgres.js';
import { repositoryRoot } from './repository.js';

const log_directory = join(repositoryRoot(), '.local', 'logs', 'stack-spec');

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function withDatabase<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('the host of a stack', () => {
  let host: StackHost | undefined;
  const launch = (durable: boolean, postgres_settings?: PostgresSettings): Promise<StackHost> =>
    StackHost.launch(testRun().build, { services: null, durable, postgres_settings, log_directory }, () => undefined);

  afterEach(() => host?.stop());

  it('leaves no process and no directory behind when it is told to stop', async () => {
    host = await launch(false);
    const { data_directory, kafka, postgres } = host.address;
    expect([kafka.pid, postgres.pid].filter(isRunning)).toHaveLength(2);
    await host.stop();
    expect([kafka.pid, postgres.pid].filter(isRunning)).toEqual([]);
    expect(existsSync(data_directory)).toBe(false);
  }, 60_000);

  it('leaves no process and no directory behind when it is killed outright', async () => {
    host = await launch(false);
    const { data_directory, kafka, pid, postgres } = host.address;
    process.kill(pid, 'SIGKILL');
    await eventually(() => {
      expect([kafka.pid, postgres.pid].filter(isRunning)).toEqual([]);
      expect(existsSync(data_directory)).toBe(false);
    });
  }, 60_000);

  it('gives Postgres the settings that are asked for, in place of its own', async () => {
    host = await launch(true, { min_wal_size: '96MB', jit: 'on' });
    const { rows } = await withDatabase(host.address.postgres.admin_url, (client) =>
      client.query<{ name: string }>(
        `SELECT name, current_setting(name) AS value FROM pg_settings
           WHERE name IN ('fsync', 'jit', 'max_connections', 'min_wal_size') ORDER BY name`,
      ),
    );
    expect(rows).toEqual([
      { name: 'fsync', value: 'on' },
      { name: 'jit', value: 'on' },
      { name: 'max_connections', value: '300' },
      { name: 'min_wal_size', value: '96MB' },
    ]);
  }, 60_000);

  it('restarts Kafka and Postgres on their ports with what they had stored', async () => {
    host = await launch(true);
    const { kafka, postgres } = host.address;
    await withDatabase(postgres.admin_url, (client) => client.query('CREATE TABLE kept AS SELECT 7 AS n'));
    const client = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'kept' }], waitForLeaders: true });
    await admin.disconnect();
    await Promise.all([host.restart('kafka', 0), host.restart('postgres', 0)]);
    const { rows } = await withDatabase(postgres.admin_url, (database) => database.query('SELECT n FROM kept'));
    expect(rows).toEqual([{ n: 7 }]);
    await admin.connect();
    expect(await admin.listTopics()).toContain('kept');
    await admin.disconnect();
  }, 60_000);
});
