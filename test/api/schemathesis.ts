import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { localDirectory } from '../../infra/local/stack-file.js';
import { repositoryRoot } from '../../infra/local/repository.js';

/** Any 5xx, and any answer that the document does not describe. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

export interface Run {
  /** Names the run's report. */
  name: string;
  document: string;
  url: string;
  key: string | null;
  operations: readonly string[];
  examples: number;
  seed: number;
}

/** Runs a program with its output shown; resolves with its exit code. */
function run(command: string, args: readonly string[], cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** The program, installed into a Python environment of this clone's own the first time. */
export async function installSchemathesis(): Promise<string> {
  const home = join(localDirectory(), 'schemathesis');
  const requirements = join(repositoryRoot(), 'test', 'api', 'requirements.txt');
  if (!existsSync(join(home, 'bin', 'pip'))) {
    const made = await run('python3', ['-m', 'venv', home], repositoryRoot()).catch(() => 1);
    if (made !== 0)
      throw new Error('`npm run test:api` needs Python 3.10 or later with its venv module (python3 -m venv)');
  }
  const pip = ['install', '--quiet', '--disable-pip-version-check', '--requirement', requirements];
  if ((await run(join(home, 'bin', 'pip'), pip, repositoryRoot())) !== 0)
    throw new Error('schemathesis could not be installed');
  return join(home, 'bin', 'schemathesis');
}

/** Tries the operations of one document under one key; true when every answer was as described. */
export async function holds(
  program: string,
  { name, document, url, key, operations, examples, seed }: Run,
): Promise<boolean> {
  const reports = join(localDirectory(), 'api', name);
  mkdirSync(reports, { recursive: true });
  const args = [
    ...['run', document, '--url', url, '--checks', CHECKS.join(',')],
    ...['--max-examples', String(examples), '--seed', String(seed), '--continue-on-failure'],
    ...['--phases', 'examples,coverage,fuzzing', '--warnings', 'off', '--request-timeout', '70'],
    ...['--report', 'junit', '--report-junit-path', join(reports, 'junit.xml')],
    ...(key === null ? [] : ['--header', `Authorization: Bearer ${key}`]),
    ...operations.flatMap((operation) => ['--include-operation-id', operation]),
  ];
  return (await run(program, args, reports)) === 0;
}
