import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TOPICS, topicName } from '@assay/contracts';
import kafkajs, { Kafka, logLevel } from 'kafkajs';
import type { Admin } from 'kafkajs';
import { privateAuthority } from '../../../infra/local/certificates.js';
import { LocalKafka } from '../../../infra/local/kafka.js';
import type { BrokerSecurity } from '../../../infra/local/kafka.js';
import { OwnedProcesses } from '../../../infra/local/owned-processes.js';
import { freePorts } from '../../../infra/local/ports.js';
import { temporaryRoot } from '../../../infra/local/postgres-installation.js';
import { repositoryRoot } from '../../../infra/local/repository.js';
import { testRun } from './test-run.js';
import { startTokenIssuer } from './token-issuer.js';
import type { TokenIssuer } from './token-issuer.js';

// Node does not see these among the names that a CommonJS module exports.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** A broker of the test file's own, which lets in by certificate or login only, and refuses what no ACL grants. */
export interface SecureKafka {
  /** Asks for a client certificate; its common name is the principal. */
  readonly mtls: string;
  /** TLS, and PLAIN (`bob`), SCRAM-SHA-256 (`dave`), SCRAM-SHA-512 (`erin`) or OAUTHBEARER. */
  readonly sasl: string;
  /** Without TLS: SCRAM-SHA-512 alone. */
  readonly sasl_plaintext: string;
  readonly topic_prefix: string;
  readonly authority: ReturnType<typeof privateAuthority>;
  readonly issuer: TokenIssuer;
  /** Of the listener that asks nothing: may do everything. */
  readonly client: Kafka;
  asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /** Makes every topic of the contract under this prefix. */
  createTopics(prefix: string): Promise<void>;
  /** Lets everybody who was let in use the topics and groups of this prefix. */
  open(prefix: string): Promise<void>;
  setScramPassword(user: string, password: string): Promise<void>;
  close(): Promise<void>;
}

export const SECURE_KAFKA_PASSWORDS = {
  bob: randomBytes(9).toString('hex'),
  dave: randomBytes(9).toString('hex'),
  erin: randomBytes(9).toString('hex'),
};
/** A session by SCRAM-SHA-512 lives so long: kafkajs logs in anew 10 s before. */
export const SCRAM_SESSION_MS = 12_000;

export async function secureKafka(): Promise<SecureKafka> {
  const { build, log_directory } = testRun();
  const processes = new OwnedProcesses(build);
  await mkdir(log_directory, { recursive: true });
  const directory = await mkdtemp(join(await temporaryRoot(), 'assay-secure-kafka-'));
  processes.ownDirectory(directory);
  const ports = await freePorts(6);
  const [port, mtls, sasl, sasl_plaintext, controller_port, issuer_port] = ports as [number, ...number[]];
  const authority = privateAuthority();
  const issuer = await startTokenIssuer(issuer_port);
  const security = await brokerSecurity({
    directory,
    authority,
    issuer,
    mtls: mtls!,
    sasl: sasl!,
    sasl_plaintext: sasl_plaintext!,
  });
  const topic_prefix = `s${randomBytes(6).toString('hex')}`;
  const broker = new LocalKafka(processes, {
    ...{ directory: join(directory, 'kafka'), log_file: join(log_directory, `secure-kafka-${topic_prefix}.log`) },
    ...{ port, controller_port: controller_port!, security, progress: () => undefined },
  });
  await broker.prepare();
  await broker.start();
  const client = new Kafka({ brokers: [broker.brokers], clientId: topic_prefix, logLevel: logLevel.NOTHING });
  const asAdmin = <T>(work: (admin: Admin) => Promise<T>): Promise<T> => adminOf(client, work);
  return {
    ...{ mtls: `127.0.0.1:${mtls}`, sasl: `127.0.0.1:${sasl}`, sasl_plaintext: `127.0.0.1:${sasl_plaintext}` },
    ...{ topic_prefix, authority, issuer, client, asAdmin },
    createTopics: (prefix) => asAdmin((admin) => makeTopics(admin, prefix)),
    open: (prefix) => asAdmin((admin) => openTo(admin, prefix)),
    setScramPassword: (user, password) =>
      broker.runJava(join(repositoryRoot(), 'libs/testing/src/SetScramPassword.java'), [
        broker.brokers,
        user,
        password,
      ]),
    close: async () => {
      processes.close();
      await broker.dispose();
      await issuer.close();
      processes.removeDirectory(directory);
      await processes.release();
    },
  };
}

interface SecurityParts {
  directory: string;
  authority: ReturnType<typeof privateAuthority>;
  issuer: TokenIssuer;
  mtls: number;
  sasl: number;
  sasl_plaintext: number;
}

async function brokerSecurity(parts: SecurityParts): Promise<BrokerSecurity> {
  const { directory, authority, issuer } = parts;
  const { key, cert } = authority.issue('broker');
  const at = { store: join(directory, 'broker.pem'), trust: join(directory, 'ca.pem') };
  await mkdir(directory, { recursive: true });
  await writeFile(at.store, `${key}${cert}${authority.ca}`);
  await writeFile(at.trust, authority.ca);
  const { dave, erin } = SECURE_KAFKA_PASSWORDS;
  const jwks = `${issuer.url}/jwks`;
  return {
    listeners: {
      MTLS: { port: parts.mtls, protocol: 'SSL' },
      SASL: { port: parts.sasl, protocol: 'SASL_SSL' },
      OPEN: { port: parts.sasl_plaintext, protocol: 'SASL_PLAINTEXT' },
    },
    properties: { ...tlsProperties(at), ...saslProperties(issuer, jwks), ...ACL_PROPERTIES },
    format_args: [
      ...['--add-scram', `SCRAM-SHA-256=[name=dave,password=${dave}]`],
      ...['--add-scram', `SCRAM-SHA-512=[name=erin,password=${erin}]`],
    ],
    jvm_args: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwks}`],
  };
}

function tlsProperties({ store, trust }: { store: string; trust: string }): Record<string, string> {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': store,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': trust,
    'listener.name.mtls.ssl.client.auth': 'required',
    'listener.name.mtls.ssl.principal.mapping.rules': 'RULE:^CN=([^,]+).*$/$1/,DEFAULT',
  };
}

const MODULES = 'org.apache.kafka.common.security';
const SCRAM_MODULE = `${MODULES}.scram.ScramLoginModule required;`;

function saslProperties({ url }: TokenIssuer, jwks: string): Record<string, string> {
  const bob = SECURE_KAFKA_PASSWORDS.bob;
  const token = 'listener.name.sasl.oauthbearer.sasl';
  return {
    'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.sasl.plain.sasl.jaas.config': `${MODULES}.plain.PlainLoginModule required user_bob="${bob}";`,
    'listener.name.sasl.scram-sha-256.sasl.jaas.config': SCRAM_MODULE,
    'listener.name.sasl.scram-sha-512.sasl.jaas.config': SCRAM_MODULE,
    'listener.name.sasl.scram-sha-512.connections.max.reauth.ms': String(SCRAM_SESSION_MS),
    'listener.name.open.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.open.scram-sha-512.sasl.jaas.config': SCRAM_MODULE,
    [`${token}.jaas.config`]: `${MODULES}.oauthbearer.OAuthBearerLoginModule required;`,
    [`${token}.server.callback.handler.class`]: `${MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
    [`${token}.oauthbearer.jwks.endpoint.url`]: jwks,
    [`${token}.oauthbearer.expected.audience`]: 'kafka',
    [`${token}.oauthbearer.expected.issuer`]: url,
    // A session ends with its token, as managed brokers have it.
    'listener.name.sasl.oauthbearer.connections.max.reauth.ms': '3600000',
  };
}

/** The plain listener knows nobody, and nobody may do everything: for the test's own acts. */
const ACL_PROPERTIES = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
  'allow.everyone.if.no.acl.found': 'false',
};

async function adminOf<T>(client: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client.admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

async function makeTopics(admin: Admin, prefix: string): Promise<void> {
  const topics = TOPICS.map(({ type, max_message_bytes }) => ({
    topic: topicName(prefix, type),
    numPartitions: 1,
    configEntries: [{ name: 'max.message.bytes', value: String(max_message_bytes) }],
  }));
  await admin.createTopics({ topics, waitForLeaders: true });
}

async function openTo(admin: Admin, prefix: string): Promise<void> {
  const granted = {
    ...{ resourceName: prefix, resourcePatternType: ResourcePatternTypes.PREFIXED, principal: 'User:*', host: '*' },
    ...{ operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW },
  };
  await admin.createAcls({
    acl: [AclResourceTypes.TOPIC, AclResourceTypes.GROUP].map((resourceType) => ({ ...granted, resourceType })),
  });
}
