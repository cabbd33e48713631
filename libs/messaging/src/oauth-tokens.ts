import type { SecretSource } from '@assay/security';
import * as oauth from 'oauth4webapi';
import { Agent, fetch } from 'undici';
import { AccessRefused } from './refusals.js';
import { REAUTHENTICATION_MS } from './sasl-login.js';

export interface TokenConfig {
  token_url: string;
  client_id: string;
  client_secret: SecretSource;
  scope: string | null;
  ca: SecretSource | null;
}

interface Token {
  value: string;
  /** By the monotonic clock: from then on another one is asked for; past the second it is worth nothing. */
  renew_at_ms: number;
  expires_at_ms: number;
}

const REQUEST_TIMEOUT_MS = 5_000;
/** Of an issuer that does not say how long a token lives. */
const USUAL_LIFE_S = 60;
/** RFC 6749, 5.2; whatever else an issuer says is not repeated. */
const KNOWN_ERRORS = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
]);

/**
 * Access tokens by client credentials (RFC 6749, 4.4), for OAUTHBEARER. Logins share one until two thirds of its life are
 * over, or until a session that began with it would be renewed with it; while the issuer cannot be asked it serves to
 * its end.
 */
export class OauthTokens {
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;

  constructor(private readonly config: TokenConfig) {}

  /** Throws {@link AccessRefused} where the issuer refuses, and the request's own error where it cannot be reached. */
  async current(): Promise<string> {
    const held = this.#token;
    if (held && performance.now() < held.renew_at_ms) return held.value;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    try {
      this.#token = await this.#asking;
      return this.#token.value;
    } catch (error) {
      if (held && performance.now() < held.expires_at_ms) return held.value;
      throw error;
    }
  }

  async #ask(): Promise<Token> {
    const asked_at_ms = performance.now();
    const { access_token, expires_in = USUAL_LIFE_S } = await this.#request();
    const life_ms = expires_in * 1000;
    const spent_ms = Math.min((life_ms * 2) / 3, life_ms - REAUTHENTICATION_MS - REQUEST_TIMEOUT_MS);
    return { value: access_token, renew_at_ms: asked_at_ms + spent_ms, expires_at_ms: asked_at_ms + life_ms };
  }

  async #request(): Promise<oauth.TokenEndpointResponse> {
    const { token_url, client_id, client_secret, scope, ca } = this.config;
    const server = { issuer: new URL(token_url).origin, token_endpoint: token_url };
    const client = { client_id };
    const dispatcher = new Agent({ connect: { ca: ca?.current().reveal() } });
    try {
      const answer = await oauth.clientCredentialsGrantRequest(
        server,
        client,
        basic(client_secret.current().reveal()),
        scope === null ? {} : { scope },
        {
          [oauth.customFetch]: (url, options) => fetchBy(dispatcher, url, options),
          [oauth.allowInsecureRequests]: token_url.startsWith('http:'),
          signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        },
      );
      return await oauth.processClientCredentialsResponse(server, client, answer);
    } catch (error) {
      throw refusedBy(error) ?? error;
    } finally {
      await dispatcher.close();
    }
  }
}

/** RFC 6749, 2.3.1. The library's own encodes `-`, `.` and `_`, too, which issuers that do not decode then refuse. */
function basic(secret: string): oauth.ClientAuth {
  return (_server, { client_id }, _body, headers) => {
    const credentials = `${formEncoded(client_id)}:${formEncoded(secret)}`;
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** undici's own `fetch`: Node's takes no authority of one's own. */
async function fetchBy(dispatcher: Agent, url: string, options: oauth.CustomFetchOptions<'POST', URLSearchParams>) {
  const answer = await fetch(url, { ...options, dispatcher } as Parameters<typeof fetch>[1]);
  return new Response(await answer.arrayBuffer(), { status: answer.status, headers: [...answer.headers] });
}

/** A refusal is the issuer's word about us; anything else may pass by itself. */
function refusedBy(error: unknown): AccessRefused | null {
  if (error instanceof oauth.ResponseBodyError && error.status < 500) return refused(error.error);
  if (error instanceof oauth.WWWAuthenticateChallengeError) return refused('invalid_client');
  return null;
}

function refused(said: string): AccessRefused {
  const word = KNOWN_ERRORS.has(said) ? said : 'an error of its own';
  const detail = `the issuer of tokens answers ${word}; see ASSAY_KAFKA_OAUTH_CLIENT_ID, …_CLIENT_SECRET and …_SCOPE`;
  return new AccessRefused({ code: 'kafka_token_refused', detail });
}
