import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenBao } from './openbao.js';
import { startTokenReviews } from './token-reviews.js';
import type { TokenReviews } from './token-reviews.js';

/** How long tokens of a login live, in seconds. */
export interface TokenLives {
  ttl_s?: number;
  max_ttl_s?: number;
}

/** An OpenBao as a platform team sets it up: secrets of KV 2 under `app`, and the ways to log in. */
export interface ProvisionedVault {
  readonly bao: OpenBao;
  readonly reviews: TokenReviews;
  /** The audience that the role asks for. */
  readonly audience: string;
  /** The settings of a login by Kubernetes; its token is {@link projectToken}'s. */
  kubernetes(): Promise<Record<string, string>>;
  /** Puts another projected token into the file, as the kubelet does. */
  projectToken(audience?: string): Promise<void>;
  /** The settings of a login by AppRole, with a secret id of its own. */
  approle(lives?: TokenLives): Promise<Record<string, string>>;
  /** The settings of a login by a token in a file. */
  tokenFile(lives?: TokenLives): Promise<Record<string, string>>;
  /** Revokes every token that a login gave. */
  revokeTokens(): Promise<void>;
  close(): Promise<void>;
}

const AUDIENCE = 'https://vault.example.org';
const POLICY = 'assay-ingest';

/** @param readable what the logins may read, as the API has it: `app/data/ingest` */
export async function provisionedVault(...readable: string[]): Promise<ProvisionedVault> {
  const [bao, reviews] = [await OpenBao.open(), await startTokenReviews()];
  await bao.mountKv('app');
  await bao.allowReading(POLICY, ...readable);
  await prepareLogins(bao, reviews);
  let files = 0;
  const kept = async (content: string): Promise<string> => {
    const path = join(bao.directory, `shown-${(files += 1)}`);
    await writeFile(path, `${content}\n`, { mode: 0o600 });
    return path;
  };
  const usual = { ASSAY_VAULT_ADDRESS: bao.address, ASSAY_VAULT_CA_FILE: bao.ca_file };
  const projected = join(bao.directory, 'projected-token');
  const projectToken = (audience = AUDIENCE) => writeFile(projected, reviews.issue(audience));
  return {
    ...{ bao, reviews, audience: AUDIENCE, projectToken },
    kubernetes: async () => {
      await projectToken();
      const own = { ASSAY_VAULT_KUBERNETES_ROLE: 'ingest', ASSAY_VAULT_KUBERNETES_TOKEN_FILE: projected };
      return { ...usual, ASSAY_VAULT_AUTH: 'kubernetes', ...own };
    },
    approle: async (lives = {}) => {
      const { role_id, secret_id } = await approleOf(bao, lives);
      const own = {
        ASSAY_VAULT_APPROLE_ROLE_ID_FILE: await kept(role_id),
        ASSAY_VAULT_APPROLE_SECRET_ID_FILE: await kept(secret_id),
      };
      return { ...usual, ASSAY_VAULT_AUTH: 'approle', ...own };
    },
    tokenFile: async ({ ttl_s = 600 } = {}) => {
      const { auth } = await bao.tell('auth/token/create', { policies: [POLICY], ttl: `${ttl_s}s` });
      return {
        ...usual,
        ASSAY_VAULT_AUTH: 'token_file',
        ASSAY_VAULT_TOKEN_FILE: await kept(auth!['client_token'] as string),
      };
    },
    revokeTokens: async () => {
      for (const prefix of ['auth/approle/login', 'auth/kubernetes/login', 'auth/token/create']) {
        await bao.tell(`sys/leases/revoke-prefix/${prefix}`, {});
      }
    },
    close: async () => {
      await bao.close();
      await reviews.close();
    },
  };
}

async function prepareLogins(bao: OpenBao, reviews: TokenReviews): Promise<void> {
  await bao.tell('sys/auth/approle', { type: 'approle' });
  await bao.tell('sys/auth/kubernetes', { type: 'kubernetes' });
  await bao.tell('auth/kubernetes/config', {
    ...{ kubernetes_host: reviews.url, kubernetes_ca_cert: reviews.ca },
    ...{ token_reviewer_jwt: 'of-the-vault', disable_local_ca_jwt: true },
  });
  await bao.tell('auth/kubernetes/role/ingest', {
    ...{ bound_service_account_names: 'ingest', bound_service_account_namespaces: 'assay', audience: AUDIENCE },
    ...{ token_policies: POLICY, token_ttl: '10m' },
  });
}

let roles = 0;

async function approleOf(bao: OpenBao, { ttl_s = 600, max_ttl_s = 3_600 }: TokenLives) {
  const role = `auth/approle/role/ingest-${(roles += 1)}`;
  await bao.tell(role, { token_policies: POLICY, token_ttl: `${ttl_s}s`, token_max_ttl: `${max_ttl_s}s` });
  const role_id = (await bao.ask('GET', `${role}/role-id`)).body['data']!['role_id'] as string;
  const secret_id = (await bao.tell(`${role}/secret-id`, {}))['data']!['secret_id'] as string;
  return { role_id, secret_id };
}
