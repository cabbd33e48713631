import { Secret } from '../secret.js';
import type { VaultConfig } from './vault-config.js';
import { VaultFault } from './vault-fault.js';
import { recordOf, VaultHttp } from './vault-http.js';
import type { VaultAnswer } from './vault-http.js';
import { VaultLogin } from './vault-login.js';
import { VaultToken } from './vault-token.js';

/** The keys of one secret, as they stand in its newest version; null for what is not text. */
export type VaultKeys = ReadonlyMap<string, Secret | null>;

/** Reads secrets of KV version 2 (HashiCorp Vault, OpenBao). */
export class VaultClient {
  readonly #http: VaultHttp;
  readonly #login: VaultLogin;
  readonly #token: VaultToken;

  constructor(config: VaultConfig) {
    this.#http = new VaultHttp(config);
    this.#login = new VaultLogin(config.auth, this.#http);
    this.#token = new VaultToken(this.#login, config.poll_ms);
  }

  /**
   * Throws {@link VaultFault}.
   *
   * @param api_path `app/data/ingest`
   */
  async read(api_path: string): Promise<VaultKeys> {
    const answer = await this.#ask(api_path);
    if (answer.status !== 200) throw faultOf(api_path, answer);
    const { data } = recordOf(answer.body['data']);
    if (typeof data !== 'object' || data === null) {
      throw new VaultFault('missing', `${api_path} is not of a KV engine of version 2`);
    }
    const keys = Object.entries(data).map(([key, value]) => [key, textOf(value)] as const);
    return new Map(keys);
  }

  async close(): Promise<void> {
    this.#token.close();
    await this.#http.close();
  }

  /**
   * A 403 says either that the token is worth nothing any more, or that its policies do not reach so far. Only the first is
   * mended by a login, so the vault is asked which it is.
   */
  async #ask(api_path: string): Promise<VaultAnswer> {
    const token = await this.#token.current();
    const answer = await this.#http.request('GET', api_path, { token });
    if (answer.status !== 403 || (await this.#login.isValid(token))) return answer;
    const other = await this.#token.insteadOf(token);
    return other === token ? answer : this.#http.request('GET', api_path, { token: other });
  }
}

function textOf(value: unknown): Secret | null {
  return typeof value === 'string' ? new Secret(value) : null;
}

function faultOf(api_path: string, { status, body }: VaultAnswer): VaultFault {
  if (status === 403) {
    return new VaultFault('denied', `the policies of this login do not let it read ${api_path} (403)`);
  }
  if (status !== 404) return new VaultFault('missing', `the vault answers ${status} for ${api_path}`);
  const { deletion_time, destroyed } = recordOf(recordOf(body['data'])['metadata']);
  if (destroyed === true || deletion_time) {
    return new VaultFault('missing', `the newest version at ${api_path} is deleted (404)`);
  }
  const { errors } = body;
  return Array.isArray(errors) && errors.length > 0
    ? new VaultFault('missing', `there is no such mount: ${api_path} (404)`)
    : new VaultFault('missing', `there is no such secret: ${api_path} (404)`);
}
