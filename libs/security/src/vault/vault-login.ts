import { readFile } from 'node:fs/promises';
import { Secret } from '../secret.js';
import type { VaultAuth } from './vault-config.js';
import { codeOf, VaultFault } from './vault-fault.js';
import { recordOf } from './vault-http.js';
import type { VaultAnswer, VaultHttp } from './vault-http.js';

/** A token of the vault, and for how long it serves. */
export interface VaultLease {
  token: Secret;
  /** Infinity for one that never expires. */
  lease_ms: number;
  renewable: boolean;
}

/** The ways of showing a vault who one is. What a process shows is read from its file at each login. */
export class VaultLogin {
  constructor(
    private readonly auth: VaultAuth,
    private readonly http: VaultHttp,
  ) {}

  /** Throws {@link VaultFault}. */
  async login(): Promise<VaultLease> {
    const { auth } = this;
    switch (auth.method) {
      case 'kubernetes': {
        const jwt = await shown('ASSAY_VAULT_KUBERNETES_TOKEN_FILE', auth.token_file);
        return this.#loginBy(auth, { role: auth.role, jwt: jwt.reveal() });
      }
      case 'approle': {
        const role_id = await shown('ASSAY_VAULT_APPROLE_ROLE_ID_FILE', auth.role_id_file);
        const secret_id = await shown('ASSAY_VAULT_APPROLE_SECRET_ID_FILE', auth.secret_id_file);
        return this.#loginBy(auth, { role_id: role_id.reveal(), secret_id: secret_id.reveal() });
      }
      case 'token_file':
        return this.#lookUp(auth.token_file);
    }
  }

  /** The lease as it is from now on; null where the vault does not renew it. */
  async renew(token: Secret): Promise<VaultLease | null> {
    const { status, body } = await this.http.request('POST', 'auth/token/renew-self', { token, body: {} });
    return status === 200 ? leaseOf(body, token) : null;
  }

  /** Whether the token is one that the vault knows and that has not expired. */
  async isValid(token: Secret): Promise<boolean> {
    return (await this.http.request('GET', 'auth/token/lookup-self', { token })).status === 200;
  }

  /** Whether another token stands in the file by now. */
  async isReplaced(token: Secret): Promise<boolean> {
    if (this.auth.method !== 'token_file') return false;
    const now = await shown('ASSAY_VAULT_TOKEN_FILE', this.auth.token_file).catch(() => token);
    return now.reveal() !== token.reveal();
  }

  async #loginBy({ method, mount }: { method: string; mount: string }, body: object): Promise<VaultLease> {
    const answer = await this.http.request('POST', `auth/${mount}/login`, { body });
    const { client_token } = recordOf(answer.body['auth']);
    if (answer.status === 200 && typeof client_token === 'string')
      return leaseOf(answer.body, new Secret(client_token));
    const see = `ASSAY_VAULT_${method.toUpperCase()}_… and ASSAY_VAULT_AUTH_MOUNT`;
    throw refused(`the vault refuses the login at auth/${mount}`, answer, see);
  }

  async #lookUp(token_file: string): Promise<VaultLease> {
    const token = await shown('ASSAY_VAULT_TOKEN_FILE', token_file);
    const answer = await this.http.request('GET', 'auth/token/lookup-self', { token });
    if (answer.status !== 200) throw refused('the vault does not know the token', answer, 'ASSAY_VAULT_TOKEN_FILE');
    const { ttl, renewable } = recordOf(answer.body['data']);
    return { token, lease_ms: leaseMs(ttl), renewable: renewable === true };
  }
}

function leaseOf({ auth }: Record<string, unknown>, token: Secret): VaultLease {
  const { lease_duration, renewable } = recordOf(auth);
  return { token, lease_ms: leaseMs(lease_duration), renewable: renewable === true };
}

/** Of seconds; 0 says for ever. */
function leaseMs(seconds: unknown): number {
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1_000 : Infinity;
}

function refused(what: string, { status }: VaultAnswer, see: string): VaultFault {
  return new VaultFault('login_refused', `${what} (${status}); see ${see}`);
}

/** What stands in a file of ours, without the newline that editors leave. */
async function shown(variable: string, path: string): Promise<Secret> {
  try {
    return new Secret((await readFile(path, 'utf8')).trim());
  } catch (error) {
    const message = `${variable}: ${path} cannot be read (${codeOf(error)})`;
    throw new VaultFault('login_refused', message, { cause: error });
  }
}
