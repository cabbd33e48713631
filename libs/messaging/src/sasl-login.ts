import type { SecretSource } from '@assay/security';
import kafkajs from 'kafkajs';
import type { AuthenticationProviderArgs, Authenticator, Mechanism, SaslAuthenticateArgs } from 'kafkajs';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import type { KafkaAccessConfig, SaslMechanism } from './access-settings.js';
import type { OauthTokens } from './oauth-tokens.js';
import { AccessRefused } from './refusals.js';

const require = createRequire(import.meta.url);
// Node does not see this among the names that a CommonJS module exports.
const { KafkaJSConnectionError } = kafkajs;

/** kafkajs logs in anew this long before the broker ends a session: the token of that login must outlive this one. */
export const REAUTHENTICATION_MS = 10_000;

type BuiltIn = (credentials: {
  username: string;
  password: string;
}) => (args: AuthenticationProviderArgs) => Authenticator;

/** kafkajs' own, which its public face takes with a fixed password only. */
const BUILT_IN: Readonly<Record<Exclude<SaslMechanism, 'OAUTHBEARER'>, string>> = {
  PLAIN: 'kafkajs/src/broker/saslAuthenticator/plain',
  'SCRAM-SHA-256': 'kafkajs/src/broker/saslAuthenticator/scram256',
  'SCRAM-SHA-512': 'kafkajs/src/broker/saslAuthenticator/scram512',
};

/** How a client of kafkajs logs in: with what the secrets hold at that moment (SEC-5). Undefined: not at all. */
export function saslLogin(config: Partial<KafkaAccessConfig>): Mechanism | undefined {
  const mechanism = config.kafka_sasl_mechanism ?? null;
  if (mechanism === null) return undefined;
  const login = mechanism === 'OAUTHBEARER' ? tokenLogin(config) : passwordLogin(config, mechanism);
  return { mechanism, authenticationProvider: (args) => ({ authenticate: () => login(args) }) };
}

/** Passwords by which this process was let in once: what is refused after that may be a rotation. */
const LET_IN = new WeakSet<SecretSource>();

type Login = (args: AuthenticationProviderArgs) => Promise<void>;

function passwordLogin(config: Partial<KafkaAccessConfig>, mechanism: keyof typeof BUILT_IN): Login {
  const builtIn = require(BUILT_IN[mechanism]) as BuiltIn;
  const secrets = [config.kafka_sasl_user!, config.kafka_sasl_password!];
  return async (args) => {
    const values = secrets.map((secret) => secret.current().reveal());
    const [username, password] = values as [string, string];
    const exchange = watched(args);
    try {
      await builtIn({ username, password })(exchange.args).authenticate();
      LET_IN.add(config.kafka_sasl_password!);
    } catch {
      // kafkajs calls each failure a refusal, a lost connection too.
      if (exchange.failure && !wasRefused(exchange.failure)) throw exchange.failure;
      if (LET_IN.has(config.kafka_sasl_password!) && (await changeSoon(secrets, values))) throw lostByRotation();
      throw loginRefused('see ASSAY_KAFKA_SASL_USER, ASSAY_KAFKA_SASL_PASSWORD and ASSAY_KAFKA_SASL_MECHANISM');
    }
  };
}

/** A password holds at the brokers a moment before it stands in its file, which is looked at every 2 s (SEC-5). */
const ROTATION_MS = 5_000;
/** Also what a broker takes to close the connection of a login that it has refused, so that the next gets another. */
const LOOK_AGAIN_MS = 250;

/** Whether secrets have, or get within a rotation, other values than these. */
async function changeSoon(secrets: readonly SecretSource[], values: readonly string[]): Promise<boolean> {
  const give_up_at_ms = performance.now() + ROTATION_MS;
  while (performance.now() < give_up_at_ms) {
    await pause(LOOK_AGAIN_MS);
    if (secrets.some((secret, place) => secret.current().reveal() !== values[place])) return true;
  }
  return false;
}

/** kafkajs connects anew by itself, and whoever waits for an answer waits on. */
function lostByRotation(): Error {
  return new KafkaJSConnectionError('the login was refused while its password changed');
}

interface Watched {
  args: AuthenticationProviderArgs;
  /** How the exchange with the broker failed, if that it was. */
  failure: unknown;
}

function watched(args: AuthenticationProviderArgs): Watched {
  const exchange: Watched = { args, failure: undefined };
  const saslAuthenticate = async <T>(step: SaslAuthenticateArgs<T>): Promise<T | void> => {
    try {
      return await args.saslAuthenticate(step);
    } catch (error) {
      exchange.failure = error;
      throw error;
    }
  };
  exchange.args = { ...args, saslAuthenticate };
  return exchange;
}

function wasRefused(error: unknown): boolean {
  return (error as { type?: unknown }).type === 'SASL_AUTHENTICATION_FAILED';
}

function loginRefused(where: string): AccessRefused {
  return new AccessRefused({
    code: 'kafka_sasl_authentication_failed',
    detail: `the broker refuses the login; ${where}`,
  });
}

const SEPARATOR = '\u0001';

/**
 * RFC 7628. kafkajs' own takes the broker's refusal, which is an answer like any other, for a success; what comes after
 * fails then with `ILLEGAL_SASL_STATE`.
 */
function tokenLogin(config: Partial<KafkaAccessConfig>): Login {
  let loading: Promise<OauthTokens> | undefined;
  const extensions = (config.kafka_oauth_extensions ?? []).map((entry) => `${entry}${SEPARATOR}`).join('');
  return async ({ saslAuthenticate }) => {
    loading ??= tokensOf(config);
    const token = await (await loading).current();
    const answer = await saslAuthenticate({
      request: framed(`n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${extensions}${SEPARATOR}`),
      response: UNFRAMED,
    });
    if (!answer) return;
    // The client must answer a refusal, upon which the broker ends the exchange.
    await saslAuthenticate({ request: framed(SEPARATOR), response: UNFRAMED }).catch((error: unknown) => {
      if (!wasRefused(error)) throw error;
    });
    throw loginRefused(
      'it does not take the token; see ASSAY_KAFKA_OAUTH_SCOPE, and which issuer and audience it wants',
    );
  };
}

/** Loaded where it is used: an HTTP client is more than most services hold. */
async function tokensOf(config: Partial<KafkaAccessConfig>): Promise<OauthTokens> {
  const { OauthTokens: Tokens } = await import('./oauth-tokens.js');
  return new Tokens({
    token_url: config.kafka_oauth_token_url!,
    client_id: config.kafka_oauth_client_id!,
    client_secret: config.kafka_oauth_client_secret!,
    scope: config.kafka_oauth_scope ?? null,
    ca: config.kafka_oauth_ca ?? null,
  });
}

const LENGTH_BYTES = 4;

/** SASL's bytes as kafkajs hands them on: behind their length. */
function framed(text: string): { encode: () => Buffer } {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeInt32BE(bytes.length);
  return { encode: () => Buffer.concat([length, bytes]) };
}

const UNFRAMED = {
  decode: (bytes: Buffer) => bytes.subarray(LENGTH_BYTES),
  parse: (bytes: Buffer) => bytes.toString('utf8'),
};
