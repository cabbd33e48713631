import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PostgresServers, startPgBouncer, testRun } from '@assay/testing';
import type { PgBouncer } from '@assay/testing';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const WHOLE_SERVICE_MS = 600_000;

let servers: PostgresServers;
let pooler: PgBouncer;

beforeAll(async () => {
  servers = await PostgresServers.open();
  const { urls } = testRun().address.postgres;
  pooler = await startPgBouncer(servers, { mode: 'session', urls: Object.values(urls) });
});
afterAll(() => servers.close());

interface Report {
  numTotalTests: number;
  numPassedTests: number;
  testResults: { name: string; assertionResults: { fullName: string; status: string }[] }[];
}

/** Runs the service's own tests against the run's Kafka and Postgres, its roles by way of the pooler. */
async function runByThePooler(pattern: string): Promise<Report> {
  const { address } = testRun();
  const urls = Object.entries(address.postgres.urls).map(([service, url]) => [service, pooler.url(url)]);
  const by_pooler = { ...address, postgres: { ...address.postgres, urls: Object.fromEntries(urls) as object } };
  const [stack, report] = [join(servers.directory, 'stack.json'), join(servers.directory, 'report.json')];
  await writeFile(stack, JSON.stringify(by_pooler));
  const own = ['--silent', '--reporters=default', '--json', `--outputFile=${report}`, '--selectProjects=integration'];
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const env = { ...process.env, ASSAY_TEST_STACK: stack, JEST_WORKER_ID: undefined };
  const child = spawn(process.execPath, [jest, ...own, '--', pattern], { cwd: root, env, stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return JSON.parse(await readFile(report, 'utf8')) as Report;
}

describe('ingest behind PgBouncer', () => {
  it(
    'OPS-6.a passes all of its tests in session mode',
    async () => {
      const report = await runByThePooler('apps/ingest/src/');
      const failed = report.testResults.flatMap(({ name, assertionResults }) =>
        assertionResults.filter(({ status }) => status !== 'passed').map(({ fullName }) => `${name}: ${fullName}`),
      );
      expect(failed).toEqual([]);
      expect(report.numTotalTests).toBeGreaterThan(100);
      const databases = await pooler.admin('SHOW STATS');
      const queries = databases.reduce((sum, { total_query_count }) => sum + Number(total_query_count), 0);
      expect(queries).toBeGreaterThan(1_000);
    },
    WHOLE_SERVICE_MS,
  );
});
