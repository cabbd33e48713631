import { createSecureContext } from 'node:tls';
import { list, oneOf, secretRef, text, flag } from '@assay/service';
import type { Setting } from '@assay/service';
import { resolveSecret } from '@assay/security';
import type { SecretSource } from '@assay/security';

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

/** How a client shows who it is, and whom it trusts (SEC-7). What is left out is off. */
export interface KafkaAccessConfig {
  kafka_tls: boolean;
  kafka_tls_ca: SecretSource | null;
  kafka_tls_certificate: SecretSource | null;
  kafka_tls_key: SecretSource | null;
  kafka_tls_server_name: string | null;
  kafka_sasl_mechanism: SaslMechanism | null;
  kafka_sasl_user: SecretSource | null;
  kafka_sasl_password: SecretSource | null;
  kafka_oauth_token_url: string | null;
  kafka_oauth_client_id: string | null;
  kafka_oauth_client_secret: SecretSource | null;
  kafka_oauth_scope: string | null;
  kafka_oauth_extensions: readonly string[] | null;
  kafka_oauth_ca: SecretSource | null;
}

export const KAFKA_ACCESS_SETTINGS = {
  kafka_tls: flag({
    env: 'ASSAY_KAFKA_TLS',
    doc: 'Whether the brokers are reached by TLS (SEC-7). Their certificate is always verified.',
    default: false,
  }),
  kafka_tls_ca: pem({
    env: 'ASSAY_KAFKA_TLS_CA',
    doc: "Reference to the authorities that sign the brokers' certificates, PEM; without it those that Node brings.",
  }),
  kafka_tls_certificate: pem({
    env: 'ASSAY_KAFKA_TLS_CERTIFICATE',
    doc: "Reference to the client's certificate with its chain, PEM, where the brokers ask for one.",
  }),
  kafka_tls_key: pem({
    env: 'ASSAY_KAFKA_TLS_KEY',
    doc: "Reference to the key of the client's certificate, PEM without a passphrase.",
  }),
  kafka_tls_server_name: text({
    env: 'ASSAY_KAFKA_TLS_SERVER_NAME',
    doc: "The name that the brokers' certificate must bear, where they are reached by another.",
    default: null,
  }),
  kafka_sasl_mechanism: oneOf({
    env: 'ASSAY_KAFKA_SASL_MECHANISM',
    doc: 'How the service logs in at the brokers; without it not at all (SEC-7).',
    values: SASL_MECHANISMS,
    default: null,
  }),
  kafka_sasl_user: secretRef({
    env: 'ASSAY_KAFKA_SASL_USER',
    doc: 'Reference to the user of PLAIN or SCRAM; read again at each login.',
    default: null,
  }),
  kafka_sasl_password: secretRef({
    env: 'ASSAY_KAFKA_SASL_PASSWORD',
    doc: 'Reference to the password of PLAIN or SCRAM; read again at each login (SEC-5).',
    default: null,
  }),
  kafka_oauth_token_url: { ...tokenUrl(), parse: readTokenUrl },
  kafka_oauth_client_id: text({
    env: 'ASSAY_KAFKA_OAUTH_CLIENT_ID',
    doc: "The client's name at the issuer of OAUTHBEARER's tokens.",
    default: null,
  }),
  kafka_oauth_client_secret: secretRef({
    env: 'ASSAY_KAFKA_OAUTH_CLIENT_SECRET',
    doc: "Reference to the client's secret at the issuer; read again for each token (SEC-5).",
    default: null,
  }),
  kafka_oauth_scope: text({
    env: 'ASSAY_KAFKA_OAUTH_SCOPE',
    doc: 'The scope to ask for, where the issuer wants one.',
    default: null,
  }),
  kafka_oauth_extensions: {
    ...list({
      env: 'ASSAY_KAFKA_OAUTH_EXTENSIONS',
      doc: 'What goes to the broker beside the token, where it wants it: `name=value,name=value` (Confluent Cloud: `logicalCluster`, `identityPoolId`).',
      default: null,
    }),
    parse: readExtensions,
  },
  kafka_oauth_ca: pem({
    env: 'ASSAY_KAFKA_OAUTH_CA',
    doc: "Reference to the authorities that sign the issuer's certificate, PEM; without it those that Node brings.",
  }),
};

function pem(options: { env: string; doc: string }): Setting<SecretSource | null> {
  const setting = secretRef({ ...options, default: null });
  return { ...setting, parse: (reference, env) => resolveSecret(reference, env, assertPem) };
}

/** Throws without repeating it. */
function assertPem(value: string): void {
  if (!value.includes('-----BEGIN ')) throw new Error('what stands there is not PEM');
}

function tokenUrl() {
  return text({
    env: 'ASSAY_KAFKA_OAUTH_TOKEN_URL',
    doc: 'Where the issuer gives tokens by client credentials (RFC 6749, 4.4): `https://host/path`; `http` on this machine only.',
    default: null,
    pattern: /^https?:\/\//,
  });
}

const OWN_MACHINE = new Set(['localhost', '127.0.0.1', '[::1]']);

/** A client's secret goes there: never in the clear, never as a part of the URL. */
function readTokenUrl(value: string): string {
  if (!URL.canParse(value)) throw new Error('must be a URL: https://host/path');
  const { protocol, hostname, username, password } = new URL(value);
  if (protocol !== 'https:' && !(protocol === 'http:' && OWN_MACHINE.has(hostname))) {
    throw new Error('must begin with https://, for the client secret is sent there');
  }
  if (username || password) {
    throw new Error('must not hold a user or a password; set ASSAY_KAFKA_OAUTH_CLIENT_ID and …_CLIENT_SECRET');
  }
  return value;
}

/** RFC 7628, 3.1: a name of letters, and a value of printable characters and spaces. */
function readExtensions(value: string): string[] {
  const entries = value.split(',').map((entry) => entry.trim());
  for (const entry of entries) {
    if (!/^[A-Za-z]+=[\x21-\x7e \t\r\n]+$/.test(entry)) throw new Error('must be name=value,name=value');
    if (entry.startsWith('auth=')) throw new Error('must not set auth, which is the token');
  }
  return entries;
}

/** What these settings demand of each other (for `defineSettings`): the setting, what is wrong, its cure. */
export function kafkaAccessFaults(values: KafkaAccessConfig): string[] {
  return [...tlsFaults(values), ...saslFaults(values)];
}

function tlsFaults(values: KafkaAccessConfig): string[] {
  const { kafka_tls, kafka_tls_certificate: certificate, kafka_tls_key: key } = values;
  const set = given(values, ['kafka_tls_ca', 'kafka_tls_certificate', 'kafka_tls_key', 'kafka_tls_server_name']);
  if (!kafka_tls) return set.map((name) => `${name}: means nothing without TLS; set ASSAY_KAFKA_TLS=true`);
  if (certificate && !key) return ['ASSAY_KAFKA_TLS_KEY: is missing; a client certificate goes with its key'];
  if (key && !certificate) return ['ASSAY_KAFKA_TLS_CERTIFICATE: is missing; a key goes with its client certificate'];
  return [
    ...unusable('ASSAY_KAFKA_TLS_CA', () => createSecureContext({ ca: values.kafka_tls_ca?.current().reveal() })),
    ...unusable('ASSAY_KAFKA_TLS_KEY', () =>
      createSecureContext({ cert: certificate?.current().reveal(), key: key?.current().reveal() }),
    ),
  ];
}

const WHAT_IS_WRONG: Readonly<Record<string, string>> = {
  ASSAY_KAFKA_TLS_CA: 'holds no certificate that can be read; give the authority in PEM',
  ASSAY_KAFKA_TLS_KEY:
    'is not the key of ASSAY_KAFKA_TLS_CERTIFICATE, or one of the two cannot be read; give both in PEM, the key without a passphrase',
};

function unusable(name: string, use: () => unknown): string[] {
  try {
    use();
    return [];
  } catch {
    return [`${name}: ${WHAT_IS_WRONG[name]}`];
  }
}

const PASSWORD_SETTINGS = ['kafka_sasl_user', 'kafka_sasl_password'] as const;
const TOKEN_SETTINGS = ['kafka_oauth_token_url', 'kafka_oauth_client_id', 'kafka_oauth_client_secret'] as const;
const FURTHER_TOKEN_SETTINGS = ['kafka_oauth_scope', 'kafka_oauth_extensions', 'kafka_oauth_ca'] as const;

function saslFaults(values: KafkaAccessConfig): string[] {
  const { kafka_sasl_mechanism: mechanism } = values;
  const by_token = mechanism === 'OAUTHBEARER';
  const wanted = mechanism === null ? [] : by_token ? TOKEN_SETTINGS : PASSWORD_SETTINGS;
  const useless = [
    ...(mechanism === null || by_token ? given(values, PASSWORD_SETTINGS) : []),
    ...(by_token ? [] : given(values, [...TOKEN_SETTINGS, ...FURTHER_TOKEN_SETTINGS])),
  ];
  return [
    ...wanted
      .filter((name) => values[name] === null)
      .map((name) => `${envOf(name)}: is missing; ${mechanism} needs it`),
    ...useless.map((name) => `${name}: means nothing ${purpose(mechanism)}`),
    ...(sentReadable(values)
      ? [`ASSAY_KAFKA_TLS: ${mechanism} would send its secret readable; set it to true, or use SCRAM`]
      : []),
  ];
}

function purpose(mechanism: SaslMechanism | null): string {
  return mechanism === null
    ? 'without ASSAY_KAFKA_SASL_MECHANISM; set that, or leave this out'
    : `with ${mechanism}; leave it out`;
}

/** PLAIN sends the password itself, OAUTHBEARER the token; SCRAM neither. */
function sentReadable({ kafka_tls, kafka_sasl_mechanism: mechanism }: KafkaAccessConfig): boolean {
  return !kafka_tls && (mechanism === 'PLAIN' || mechanism === 'OAUTHBEARER');
}

type Name = Exclude<keyof KafkaAccessConfig, 'kafka_tls'>;

function given(values: KafkaAccessConfig, names: readonly Name[]): string[] {
  return names.filter((name) => values[name] !== null).map(envOf);
}

function envOf(name: Name): string {
  return `ASSAY_${name.toUpperCase()}`;
}
