import type { VaultAuth, VaultConfig } from '@assay/security';
import { file } from './file-settings.js';
import { durationMs, oneOf, text } from './settings.js';
import type { Setting, Values } from './settings.js';

const VAULT_AUTH_METHODS = ['kubernetes', 'approle', 'token_file'] as const;

/** Where `vault:` references lead, and how the process shows who it is there (docs/secrets.md). */
export const VAULT_SETTINGS = {
  vault_address: vaultAddress(),
  vault_namespace: text({
    env: 'ASSAY_VAULT_NAMESPACE',
    doc: 'The namespace of the vault, where it has any; mounts and logins are those in it.',
    default: null,
    pattern: /^[^\s]+$/,
  }),
  vault_ca_file: file({
    env: 'ASSAY_VAULT_CA_FILE',
    doc: "The authorities that sign the vault's certificate, PEM; without it those that Node brings. Read again when it changes.",
    default: null,
  }),
  vault_auth: oneOf({
    env: 'ASSAY_VAULT_AUTH',
    doc: "How the process logs in: by its Kubernetes service account's projected token, by AppRole, or by a token that somebody else keeps in a file.",
    values: VAULT_AUTH_METHODS,
    default: null,
  }),
  vault_auth_mount: text({
    env: 'ASSAY_VAULT_AUTH_MOUNT',
    doc: 'Where the vault has the login of `kubernetes` or `approle`: at its own name unless it is set.',
    default: null,
    pattern: /^[\w.-]+(?:\/[\w.-]+)*$/,
  }),
  vault_kubernetes_role: text({
    env: 'ASSAY_VAULT_KUBERNETES_ROLE',
    doc: 'The role of the login by `kubernetes`.',
    default: null,
  }),
  vault_kubernetes_token_file: file({
    env: 'ASSAY_VAULT_KUBERNETES_TOKEN_FILE',
    doc: 'The projected token of the service account, with an audience of its own; read again at each login.',
    default: null,
  }),
  vault_approle_role_id_file: file({
    env: 'ASSAY_VAULT_APPROLE_ROLE_ID_FILE',
    doc: 'The role id of the login by `approle`; read again at each login.',
    default: null,
  }),
  vault_approle_secret_id_file: file({
    env: 'ASSAY_VAULT_APPROLE_SECRET_ID_FILE',
    doc: 'The secret id of the login by `approle`; read again at each login.',
    default: null,
  }),
  vault_token_file: file({
    env: 'ASSAY_VAULT_TOKEN_FILE',
    doc: 'The token of `token_file`, as an agent keeps it; read again whenever secrets are looked at.',
    default: null,
  }),
  vault_poll_ms: durationMs({
    env: 'ASSAY_VAULT_POLL_MS',
    doc: 'How often secrets that are in use are looked at for a change (SEC-5); also the longest wait between two attempts while the vault is away or refuses the login.',
    default: 30_000,
    min: 200,
    max: 3_600_000,
  }),
  vault_start_wait_ms: durationMs({
    env: 'ASSAY_VAULT_START_WAIT_MS',
    doc: 'How long a start waits for a vault that is away or sealed, before it ends. What the vault refuses ends it at once.',
    default: 15_000,
    max: 300_000,
  }),
};

export type VaultValues = Values<typeof VAULT_SETTINGS>;

function vaultAddress(): Setting<string | null> {
  const setting = text({
    env: 'ASSAY_VAULT_ADDRESS',
    doc: 'The vault (HashiCorp Vault, OpenBao) that `vault:` references lead to: `https://host:8200`; `http` on this machine only.',
    default: null,
  });
  return { ...setting, parse: readAddress, allowed: 'an https URL' };
}

const OWN_MACHINE = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Tokens go there: never in the clear. */
function readAddress(value: string): string {
  if (!URL.canParse(value)) throw new Error('must be a URL: https://host:8200');
  const { protocol, hostname, username, password, search, hash } = new URL(value);
  if (protocol !== 'https:' && !(protocol === 'http:' && OWN_MACHINE.has(hostname))) {
    throw new Error('must begin with https://, for tokens and secrets travel there');
  }
  if (username || password || search || hash) throw new Error('must be an address and nothing else: https://host:8200');
  return value.replace(/\/+$/, '');
}

type Method = (typeof VAULT_AUTH_METHODS)[number];
const NEEDED = {
  kubernetes: ['vault_kubernetes_role', 'vault_kubernetes_token_file'],
  approle: ['vault_approle_role_id_file', 'vault_approle_secret_id_file'],
  token_file: ['vault_token_file'],
} as const satisfies Record<Method, readonly (keyof VaultValues)[]>;
const envOf = (name: keyof VaultValues): string => VAULT_SETTINGS[name].env;

/** What these settings demand of each other (for `defineSettings`). */
export function vaultFaults(values: VaultValues): string[] {
  const { vault_address: address, vault_auth: method } = values;
  const given = (names: readonly (keyof VaultValues)[]) => names.filter((name) => values[name] !== null).map(envOf);
  const needed: readonly (keyof VaultValues)[] = method === null ? [] : NEEDED[method];
  const others = Object.values(NEEDED)
    .flat()
    .filter((name) => !needed.includes(name));
  const mount: (keyof VaultValues)[] = method === null || method === 'token_file' ? ['vault_auth_mount'] : [];
  const useless = given([...others, ...mount]);
  if (address === null) {
    return [...given(['vault_namespace', 'vault_ca_file', 'vault_auth']), ...given(needed), ...useless].map(
      (env) => `${env}: means nothing without ASSAY_VAULT_ADDRESS; set that, or leave this out`,
    );
  }
  const cure = method === null ? 'without ASSAY_VAULT_AUTH' : `with ${method}; leave it out`;
  return [
    ...(method === null ? [`ASSAY_VAULT_AUTH: is missing; say how to log in: ${VAULT_AUTH_METHODS.join(', ')}`] : []),
    ...needed.filter((name) => values[name] === null).map((name) => `${envOf(name)}: is missing; ${method} needs it`),
    ...useless.map((env) => `${env}: means nothing ${cure}`),
  ];
}

/** Of settings without a fault; null where there is no vault. */
export function vaultConfigOf(values: VaultValues): VaultConfig | null {
  const { vault_address: address, vault_namespace: namespace, vault_ca_file: ca_file, vault_poll_ms: poll_ms } = values;
  const auth = authOf(values);
  return address === null || auth === null ? null : { address, namespace, ca_file, auth, poll_ms };
}

function authOf(values: VaultValues): VaultAuth | null {
  const { vault_auth: method, vault_auth_mount, vault_kubernetes_role: role } = values;
  const mount = vault_auth_mount ?? method ?? '';
  const { vault_kubernetes_token_file, vault_token_file, vault_approle_role_id_file, vault_approle_secret_id_file } =
    values;
  if (method === 'kubernetes' && role && vault_kubernetes_token_file) {
    return { method, mount, role, token_file: vault_kubernetes_token_file };
  }
  if (method === 'approle' && vault_approle_role_id_file && vault_approle_secret_id_file) {
    return { method, mount, role_id_file: vault_approle_role_id_file, secret_id_file: vault_approle_secret_id_file };
  }
  if (method === 'token_file' && vault_token_file) return { method, token_file: vault_token_file };
  return null;
}
