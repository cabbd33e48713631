import { closeOnSignals, startSystem } from '@assay/testing';
import type { TestSystem } from '@assay/testing';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { repositoryRoot } from '../../infra/local/repository.js';
import { type Role, ROLES } from '../../infra/local/secrets.js';
import { type ServiceName, SERVICES } from '../../infra/local/service-names.js';
import { localDirectory } from '../../infra/local/stack-file.js';
import { bold, note, red, say } from '../../infra/local/terminal.js';
import { holds, installSchemathesis } from './schemathesis.js';
import { makeSubjects, type Subjects } from './subjects.js';

const DEFAULT_EXAMPLES = 50;
const DEFAULT_SEED = 1;
const USAGE = 'usage: npm run test:api -- [--examples N] [--seed N] [--service NAME]';

/** A client takes them out of a path before it asks (RFC 3986, 5.2.4): what it asks is another operation. */
const DOT_SEGMENTS = ['.', '..'];

interface Parameter {
  name: string;
  in: string;
  schema: object;
}
interface Operation {
  operationId: string;
  security: { api_key?: string[] }[];
  parameters?: Parameter[];
}
interface ApiDocument {
  paths: Record<string, Record<string, Operation>>;
}

interface Arguments {
  examples: number;
  seed: number;
  services: readonly ServiceName[];
}

/** Null where they make no sense. */
function readArguments(args: readonly string[]): Arguments | null {
  const read: Arguments = { examples: DEFAULT_EXAMPLES, seed: DEFAULT_SEED, services: SERVICES };
  for (let index = 0; index < args.length; index += 2) {
    const [name, value] = [args[index], args[index + 1] ?? ''];
    const isCount = /^[1-9]\d*$/.test(value);
    if (name === '--examples' && isCount) read.examples = Number(value);
    else if (name === '--seed' && isCount) read.seed = Number(value);
    else if (name === '--service' && SERVICES.includes(value as ServiceName)) read.services = [value as ServiceName];
    else return null;
  }
  return read;
}

/** `npm run test:api`: holds each running service to its OpenAPI document, under the key of each role. */
export async function main(args: string[]): Promise<void> {
  const read = readArguments(args);
  if (read === null) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  const program = await installSchemathesis();
  const build = join(import.meta.dirname, '..', '..');
  const log_directory = join(localDirectory(), 'logs', 'api');
  const system = await startSystem({ own_stack: true, run: { build, log_directory }, progress: note });
  closeOnSignals(system);
  try {
    const subjects = await makeSubjects(system);
    const failed: string[] = [];
    for (const service of read.services) {
      failed.push(...(await tryService({ program, system, subjects }, service, read)));
    }
    for (const name of failed) say(red(`  ${name} answers what its document does not say`));
    if (failed.length > 0) process.exitCode = 1;
  } finally {
    await system.close();
  }
}

/** Holds one service to its document under the key of each role. Returns the runs in which it did not. */
export async function tryService(
  { program, system, subjects }: { program: string; system: TestSystem; subjects: Subjects },
  service: ServiceName,
  { examples, seed }: { examples: number; seed: number },
): Promise<string[]> {
  const failed: string[] = [];
  const { path, document } = writeDocument(service, subjects);
  const url = system.services.of(service)[0]!.url;
  for (const role of ROLES) {
    const operations = operationsFor(role, document);
    if (operations.length === 0) continue;
    const name = `${service}-${role}`;
    say(bold(`\n${service} as ${role}`));
    const run = { name, document: path, url, key: system.services.secrets.keys[role], operations, examples, seed };
    if (!(await holds(program, run))) failed.push(name);
  }
  return failed;
}

/** A role's own operations; what asks for none is tried once, as the first role. */
function operationsFor(role: Role, { paths }: ApiDocument): string[] {
  return Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .filter(({ security }) =>
      security.length === 0 ? role === ROLES[0] : security.some(({ api_key }) => api_key?.includes(role)),
    )
    .map(({ operationId }) => operationId);
}

/** The service's document with ids in it that exist, beside any other text. */
function writeDocument(service: ServiceName, subjects: Subjects): { path: string; document: ApiDocument } {
  const document = parse(
    readFileSync(join(repositoryRoot(), 'docs', 'openapi', `${service}.yaml`), 'utf8'),
  ) as ApiDocument;
  const { jobs, deliveries, dead_letters } = subjects;
  const ids = { ingest: jobs, validator: jobs, notifier: deliveries, 'dead-letter': dead_letters }[service];
  const known: Record<string, string[]> = { id: ids, fingerprint: subjects.fingerprints };
  for (const operation of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
    for (const parameter of operation.parameters ?? []) {
      if (parameter.in !== 'path') continue;
      const values = known[parameter.name];
      const schema = values ? { anyOf: [{ type: 'string', enum: values }, parameter.schema] } : parameter.schema;
      parameter.schema = { ...schema, not: { enum: DOT_SEGMENTS } };
    }
  }
  const folder = join(localDirectory(), 'api');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${service}.yaml`);
  writeFileSync(path, stringify(document));
  return { path, document };
}
