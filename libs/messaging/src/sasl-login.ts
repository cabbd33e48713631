import type { AuthenticationProviderArgs, Authenticator, Mechanism, SaslAuthenticateArgs } from 'kafkajs';
import { createRequire } from 'node:module';
import type { KafkaAccessConfig, SaslMechanism } from './access-settings.js';
import type { OauthTokens } from './oauth-tokens.js';
import { AccessRefused } from './refusals.js';

const require = createRequire(import.meta.url);

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

type Login = (args: AuthenticationProviderArgs) => Promise<void>;

function passwordLogin(config: Partial<KafkaAccessConfig>, mechanism: keyof typeof BUILT_IN): Login {
  const builtIn = require(BUILT_IN[mechanism]) as BuiltIn;
  return async (args) => {
    const username = config.kafka_sasl_user!.current().reveal();
    const password = config.kafka_sasl_password!.current().reveal();
    const exchange = watched(args);
    try {
      await builtIn({ username, password })(exchange.args).authenticate();
    } catch {
      // kafkajs calls each failure a refusal, a lost connection too.
      if (exchange.failure && !wasRefused(exchange.failure)) throw exchange.failure;
      throw loginRefused('see ASSAY_KAFKA_SASL_USER, ASSAY_KAFKA_SASL_PASSWORD and ASSAY_KAFKA_SASL_MECHANISM');
    }
  };
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
