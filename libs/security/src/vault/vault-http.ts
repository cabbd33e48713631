import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import type { Secret } from '../secret.js';
import type { VaultConfig } from './vault-config.js';
import { codeOf, VaultFault } from './vault-fault.js';

const REQUEST_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** A secret of KV is at most 1 MiB where the vault's listener has its usual limits. */
const MOST_BYTES = 2 * 1024 * 1024;

export interface VaultAnswer {
  /** Below 300, or from 400 to 499. */
  status: number;
  body: Record<string, unknown>;
}

export type VaultAddress = Pick<VaultConfig, 'address' | 'namespace' | 'ca_file'>;

/** Requests to one vault, each limited in time and size. A redirect is never followed: the token would go with it. */
export class VaultHttp {
  #agent: Agent | null = null;
  #ca: string | undefined;

  constructor(private readonly config: VaultAddress) {}

  /** Throws {@link VaultFault} where there is no answer, or one that says nothing about the request. */
  async request(
    method: 'GET' | 'POST',
    path: string,
    sent: { token?: Secret; body?: object } = {},
  ): Promise<VaultAnswer> {
    const { status, text, location } = await this.#send(method, path, sent);
    if (status < 300 || (status >= 400 && status < 500 && status !== 429)) return { status, body: jsonOf(text) };
    if (status < 400) throw this.#redirected(status, location);
    if (status === 503 && (await this.#isSealed())) throw new VaultFault('sealed', `${this.#where} is sealed`);
    throw new VaultFault('away', `${this.#where} answers ${status}`);
  }

  async close(): Promise<void> {
    const agent = this.#agent;
    this.#agent = null;
    await agent?.destroy();
  }

  get #where(): string {
    return `the vault at ${this.config.address}`;
  }

  async #send(method: 'GET' | 'POST', path: string, { token, body }: { token?: Secret; body?: object }) {
    const dispatcher = await this.#dispatcher();
    try {
      const answer = await request(`${this.config.address}/v1/${path}`, {
        ...{ method, dispatcher, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) },
        headers: this.#headers(token, body !== undefined),
        body: body && JSON.stringify(body),
      });
      const { location } = answer.headers;
      return { status: answer.statusCode, text: await answer.body.text(), location: String(location ?? '') };
    } catch (error) {
      const code = codeOf(error);
      const see = /CERT|SIGNATURE|ISSUER|ERR_SSL/.test(code) ? '; see ASSAY_VAULT_ADDRESS and ASSAY_VAULT_CA_FILE' : '';
      // Without its cause: what undici tells of a request may hold its headers.
      throw new VaultFault('away', `${this.#where} cannot be reached (${code})${see}`);
    }
  }

  #headers(token: Secret | undefined, has_body: boolean): Record<string, string> {
    const { namespace } = this.config;
    return {
      // What an agent or proxy in between asks for, lest a browser be tricked into asking it.
      'x-vault-request': 'true',
      ...(namespace !== null && { 'x-vault-namespace': namespace }),
      ...(token && { 'x-vault-token': token.reveal() }),
      ...(has_body && { 'content-type': 'application/json' }),
    };
  }

  /** Connections are kept for as long as the authorities that were trusted when they were made. */
  async #dispatcher(): Promise<Agent> {
    const { ca_file } = this.config;
    const ca = ca_file === null ? undefined : await readAuthorities(ca_file);
    if (this.#agent && ca === this.#ca) return this.#agent;
    void this.#agent?.close();
    this.#ca = ca;
    this.#agent = new Agent({
      connect: { ca, timeout: CONNECT_TIMEOUT_MS },
      ...{ headersTimeout: REQUEST_TIMEOUT_MS, bodyTimeout: REQUEST_TIMEOUT_MS, maxResponseSize: MOST_BYTES },
    });
    return this.#agent;
  }

  #redirected(status: number, location: string): VaultFault {
    const to = URL.canParse(location) ? ` to ${new URL(location).host}` : '';
    const cure = 'which is not followed, for the token would go there; set ASSAY_VAULT_ADDRESS to what answers itself';
    return new VaultFault('away', `${this.#where} redirects${to} (${status}), ${cure}`);
  }

  async #isSealed(): Promise<boolean> {
    const { status, text } = await this.#send('GET', 'sys/seal-status', {});
    return status === 200 && jsonOf(text)['sealed'] === true;
  }
}

async function readAuthorities(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new VaultFault('away', `ASSAY_VAULT_CA_FILE: ${path} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    return recordOf(text === '' ? {} : JSON.parse(text));
  } catch {
    // The parser's message quotes the text.
    throw new VaultFault('away', 'what answers at ASSAY_VAULT_ADDRESS is no vault: it does not answer in JSON');
  }
}

/** A member of an answer as an object, whatever it is. */
export function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
