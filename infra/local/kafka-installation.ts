import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { OwnedProcesses } from './owned-processes.js';

export const KAFKA_VERSION = '4.4.0';
/** Kafka 4 brokers need 17. */
const OLDEST_JAVA = 17;
/** The slf4j API that Kafka pulls in; a 2.x binding would stay silent beside it. */
const SLF4J_VERSION = '1.7.36';

const run = promisify(execFile);

export type KafkaInstallation = { kind: 'java'; class_path: string } | { kind: 'docker'; image: string };

async function javaMajor(): Promise<number> {
  try {
    const { stderr, stdout } = await run('java', ['-version']);
    return Number(/version "(\d+)/.exec(stderr + stdout)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function answers(command: string, args: string[]): Promise<boolean> {
  try {
    await run(command, args, { timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

function cacheDirectory(): string {
  const caches = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(caches, 'assay', `kafka-${KAFKA_VERSION}`);
}

function dependency(group: string, artifact: string, version: string): string {
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
}

const POM = [
  '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
  '<groupId>assay</groupId><artifactId>local-kafka</artifactId><version>1</version><packaging>pom</packaging><dependencies>',
  dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION),
  dependency('org.slf4j', 'slf4j-simple', SLF4J_VERSION),
  '</dependencies></project>',
].join('\n');

/** Fetches the jars into a directory of their own and moves it into place whole: two fetches at once do no harm. */
async function fetchJars(target: string, processes: OwnedProcesses, log_file: string): Promise<void> {
  await mkdir(join(target, '..'), { recursive: true });
  const partial = await mkdtemp(`${target}.partial-`);
  processes.ownDirectory(partial);
  try {
    await writeFile(join(partial, 'pom.xml'), POM);
    const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(partial, 'libs')}`];
    await processes.run({ name: 'mvn', command: 'mvn', args, cwd: partial, env: process.env, log_file });
    await rename(partial, target);
  } catch (error) {
    if (existsSync(join(target, 'libs'))) return;
    throw new Error(`Maven could not fetch Apache Kafka ${KAFKA_VERSION} into ${target}`, { cause: error });
  } finally {
    processes.removeDirectory(partial);
  }
}

/**
 * A real Apache Kafka: its jars (45 of them, 43 MB, fetched once by Maven, kept outside the repository) when there is
 * Java, else the official image when a Docker engine answers. There is no usable Kafka that runs inside Node.
 */
export async function findKafka(
  processes: OwnedProcesses,
  options: { log_file: string; progress: (line: string) => void },
): Promise<KafkaInstallation> {
  const cache = cacheDirectory();
  const java = await javaMajor();
  if (java >= OLDEST_JAVA) {
    const class_path = join(cache, 'libs', '*');
    if (existsSync(join(cache, 'libs'))) return { kind: 'java', class_path };
    if (await answers('mvn', ['-v'])) {
      options.progress(`fetching Apache Kafka ${KAFKA_VERSION} with Maven (43 MB, once, into ${cache})`);
      await fetchJars(cache, processes, options.log_file);
      return { kind: 'java', class_path };
    }
  }
  if (await answers('docker', ['info'])) return { kind: 'docker', image: `apache/kafka:${KAFKA_VERSION}` };
  throw new Error(
    [
      `Assay's local stack runs a real Apache Kafka ${KAFKA_VERSION}, and found no way to do so. Install one of these:`,
      `  - Java ${OLDEST_JAVA} or later with Maven (found: ${java === 0 ? 'no java' : `java ${java}`})`,
      '  - Docker, with its engine running',
    ].join('\n'),
  );
}
