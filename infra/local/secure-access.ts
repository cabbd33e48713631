import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { privateAuthority } from './certificates.js';
import type { Certificate } from './certificates.js';
import type { BrokerSecurity } from './kafka.js';
import { SERVICES, type ServiceName } from './service-names.js';

/** Who logs in at the broker: each service, and the command that makes the topics. */
export type KafkaPrincipal = ServiceName | 'topics';

/** How a stack lets in that asks its services for TLS and a login. */
export interface SecureAccess {
  /** Of the listener that asks. */
  brokers: string;
  broker: BrokerSecurity;
  /** What Postgres shows. */
  postgres: Certificate;
  /** The authority of both, PEM. */
  ca_file: string;
  /** Settings by which each principal reaches the broker. */
  environments: Record<KafkaPrincipal, Record<string, string>>;
}

const LISTENER = 'SECURE';
const MECHANISM = 'SCRAM-SHA-512';
const DAYS = 30;
const LOGIN = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';

/** Makes authority, certificates, users and passwords, and writes what is read from files into `directory`. */
export async function makeSecureAccess(directory: string, port: number): Promise<SecureAccess> {
  await mkdir(directory, { recursive: true });
  const authority = privateAuthority('local stack', DAYS);
  const { key, cert } = authority.issue('kafka');
  const put = async (name: string, content: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const ca_file = await put('ca.pem', authority.ca);
  const store = await put('broker.pem', `${key}${cert}${authority.ca}`);
  const users: string[] = [];
  const environmentOf = async (principal: KafkaPrincipal): Promise<[KafkaPrincipal, Record<string, string>]> => {
    const [user, password] = [`assay-${principal}`, randomBytes(18).toString('base64url')];
    users.push('--add-scram', `${MECHANISM}=[name=${user},password=${password}]`);
    const environment = {
      ...{ ASSAY_KAFKA_TLS: 'true', ASSAY_KAFKA_TLS_CA: `file:${ca_file}` },
      ASSAY_KAFKA_SASL_MECHANISM: MECHANISM,
      ASSAY_KAFKA_SASL_USER: `file:${await put(`kafka-user-${principal}`, user)}`,
      ASSAY_KAFKA_SASL_PASSWORD: `file:${await put(`kafka-password-${principal}`, password)}`,
    };
    return [principal, environment];
  };
  const environments = await Promise.all([...SERVICES, 'topics' as const].map(environmentOf));
  return {
    brokers: `127.0.0.1:${port}`,
    broker: {
      listeners: { [LISTENER]: { port, protocol: 'SASL_SSL' } },
      properties: brokerProperties(store),
      ...{ format_args: users, jvm_args: [] },
    },
    ...{ postgres: authority.issue('postgres'), ca_file },
    environments: Object.fromEntries(environments) as SecureAccess['environments'],
  };
}

/** The plain listener knows nobody, and nobody may do everything: it is the stack's own, and stays on this machine. */
function brokerProperties(store: string): Record<string, string> {
  const listener = `listener.name.${LISTENER.toLowerCase()}`;
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': store,
    [`${listener}.sasl.enabled.mechanisms`]: MECHANISM,
    [`${listener}.${MECHANISM.toLowerCase()}.sasl.jaas.config`]: LOGIN,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'allow.everyone.if.no.acl.found': 'false',
  };
}

/** Grants each principal what it needs of the topics and groups of this prefix, and nothing else (SEC-7). */
export async function grantTopics(plain_brokers: string, topic_prefix: string): Promise<void> {
  // Loaded where it is used: a plain stack starts without all that a service is made of.
  const { aclEntries, grantsOf } = await import('@assay/messaging');
  const admin = new Kafka({ brokers: [plain_brokers], clientId: 'stack', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.createAcls({ acl: aclEntries(grantsOf(topic_prefix)) });
  } finally {
    await admin.disconnect();
  }
}
